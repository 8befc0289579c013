import { isFinal } from '../../contracts/jobs.js';
import type { AnalysisDocument } from '../analyses.js';
import type { Database } from '../database/database.js';
import type { IndexDocument } from '../indexes/index_builds.js';
import type { JobStore } from '../jobs.js';
import { jobState } from '../jobs.js';
import type { ProcessDocument } from '../processes.js';
import type { ReferenceDocument } from './references.js';

/** Tells what works with a reference, which must end before the reference's contents can go. */
export function createReferenceUseStore(database: Database, jobs: JobStore) {
  const indexes = database.collection<IndexDocument>('indexes');
  const analyses = database.collection<AnalysisDocument>('analyses');
  const processes = database.collection<ProcessDocument>('processes');
  const references = database.collection<ReferenceDocument>('references');

  const unfinishedBuilds = (referenceId: string) =>
    indexes
      .find({ 'reference.id': referenceId, ready: false })
      .project<Pick<IndexDocument, 'job'>>({ job: 1 })
      .toArray();

  const hasOpenJob = async (jobIds: readonly string[]): Promise<boolean> => {
    const found = await jobs.collection.find({ _id: { $in: [...jobIds] } }, { projection: { status: 1 } }).toArray();
    return found.some((job) => !isFinal(jobState(job)));
  };

  /** Processes that fill or change the reference, and clones that read from it. */
  const hasOpenProcess = async (referenceId: string): Promise<boolean> => {
    const clones = await references
      .find({ 'cloned_from.id': referenceId })
      .project<Pick<ReferenceDocument, '_id'>>({ _id: 1 })
      .toArray();
    const open = {
      type: { $in: ['import_reference', 'clone_reference', 'remote_reference', 'update_remote_reference'] },
      'context.ref_id': { $in: [referenceId, ...clones.map(({ _id }) => _id)] },
      done: { $exists: true },
      complete: false,
      'errors.0': { $exists: false },
    };
    return (await processes.findOne(open, { projection: { _id: 1 } })) !== null;
  };

  return {
    /** Jobs that build an index of the reference. */
    buildJobs: async (referenceId: string): Promise<string[]> =>
      (await unfinishedBuilds(referenceId)).map(({ job }) => job.id),

    /** Whether a build, an analysis, an import or a clone still works with the reference. */
    async isInUse(referenceId: string): Promise<boolean> {
      const running = await analyses
        .find({ 'reference.id': referenceId, ready: false })
        .project<Pick<AnalysisDocument, 'job'>>({ job: 1 })
        .toArray();
      const builds = await unfinishedBuilds(referenceId);
      const jobIds = [...running, ...builds].map(({ job }) => job.id);
      return (await hasOpenJob(jobIds)) || (await hasOpenProcess(referenceId));
    },

    /**
     * Ids of the OTUs that results of analyses name: their history is needed to show them. Unknown when results lie in
     * files.
     */
    async otusInResults(referenceId: string): Promise<string[] | 'unknown'> {
      const found = await analyses
        .find({ 'reference.id': referenceId })
        .project<{ _id: string; results?: { otu?: { id: string } }[] | 'file' }>({ 'results.otu.id': 1 })
        .toArray();
      const inFiles = await analyses.countDocuments({ 'reference.id': referenceId, results: 'file' }, { limit: 1 });
      if (inFiles > 0) return 'unknown';
      const ids = found.flatMap(({ results }) => (Array.isArray(results) ? results.map((hit) => hit.otu?.id) : []));
      return [...new Set(ids.filter((id) => id !== undefined))];
    },
  };
}
