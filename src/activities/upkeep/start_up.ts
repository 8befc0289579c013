import { renameOldResults } from '../../files/old_results.js';
import { removePath } from '../../files/publish.js';
import type { AnalysisDocument } from '../../store/analyses.js';
import { createDocumentRepairs, type Repairs } from '../../store/start_up.js';
import type { ActivityDeps } from '../deps.js';

/**
 * Puts in order what an old release or a killed process has left in the database and on disk. May be called at any time, as
 * often as one likes. Never fails: what cannot be repaired is logged, and the laboratory can work all the same.
 */
export async function repairLeftovers(deps: ActivityDeps): Promise<void> {
  const { log } = deps;
  const repairs: Repairs = {
    ...createDocumentRepairs(deps.store),
    'results files of old analyses': () => renameResults(deps),
    'analyses without a job': () => removeOrphans(deps),
  };
  for (const [subject, repair] of Object.entries(repairs)) {
    try {
      const count = await repair();
      if (count > 0) log.info({ subject, count }, 'leftovers repaired');
    } catch (err) {
      log.error({ subject, err }, 'leftovers could not be repaired');
    }
  }
}

type InFile = Pick<AnalysisDocument, '_id' | 'sample' | 'algorithm'>;

async function renameResults({ store, data, log }: ActivityDeps): Promise<number> {
  const analyses = store.analyses.collection;
  const inFile = analyses.find({ results: 'file' }).project<InFile>({ sample: 1, algorithm: 1 });
  let changed = 0;
  for (const { _id, sample, algorithm } of await inFile.toArray()) {
    const oldName = algorithm === 'nuvs' ? 'nuvs.json' : 'pathoscope.json';
    try {
      const note = async (facts: Partial<AnalysisDocument>) => {
        if (Object.keys(facts).length > 0) await analyses.updateOne({ _id }, { $set: facts });
      };
      if (await renameOldResults(data.analysis(sample.id, _id), oldName, note)) changed += 1;
    } catch (err) {
      log.error({ analysisId: _id, err }, 'results file of an old analysis cannot be read');
    }
  }
  return changed;
}

/** Removes analyses that will never be ready: nobody works on them, and nobody could remove them by hand. */
async function removeOrphans({ store, data }: ActivityDeps): Promise<number> {
  const unready = await store.analyses.collection
    .find({ ready: false })
    .project<AnalysisDocument>({ job: 1 })
    .toArray();
  const jobIds = unready.flatMap(({ job }) => (job ? [job.id] : []));
  const ended = new Set(await store.jobs.ended(jobIds));
  const orphans = unready.filter(({ job }) => !job || ended.has(job.id)).map(({ _id }) => _id);
  // Read again, as some may have become ready, and then their job has ended since.
  const left = await store.analyses.collection.find({ _id: { $in: orphans }, ready: false }).toArray();
  for (const { _id, sample } of left) {
    await removePath(data.analysis(sample.id, _id));
    await store.analyses.remove(_id);
  }
  return left.length;
}
