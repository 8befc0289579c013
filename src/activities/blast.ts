import { join } from 'node:path';
import {
  type BlastActivities,
  type BlastCheck,
  type BlastSearch,
  type BlastSubmission,
  blastError,
  blastTrouble,
} from '../contracts/blast.js';
import type { RemoteTrouble } from '../contracts/releases.js';
import type { RemoteServices } from '../contracts/remote.js';
import { fileSize } from '../files/folders.js';
import { readJsonList } from '../files/json_list.js';
import type { ActivityDeps } from './deps.js';
import { runProcess } from './process_support.js';

type Deps = ActivityDeps & { remote: RemoteServices };

/** What the workflow `blast` does. */
export function createBlastActivities(deps: Deps): BlastActivities {
  const { store, log } = deps;
  return {
    submitBlast: ({ waitedSeconds, ...search }) =>
      runProcess((signal) => submitOnce(deps, search, waitedSeconds, signal)),

    checkBlast: ({ waitedSeconds, ...search }) =>
      runProcess((signal) => checkOnce(deps, search, waitedSeconds, signal)),

    async failBlast({ reason, ...search }) {
      if (await store.blast.fail(search, blastError(reason))) log.warn({ ...search, reason }, 'BLAST failed');
    },
  };
}

async function submitOnce(
  deps: Deps,
  search: BlastSearch,
  waitedSeconds: number,
  signal: AbortSignal,
): Promise<BlastSubmission> {
  const { blast } = deps.store;
  const noted = await blast.find(search);
  if (!noted) return { state: 'gone' };
  // A former attempt has done it, and could not say so.
  if (noted.rid !== null) return { state: 'submitted', rid: noted.rid };
  const sequence = await sequenceOf(deps, search);
  if (sequence === undefined) return { state: 'failed', reason: 'no_contig' };
  const answer = await deps.remote.blast.submit(sequence, signal);
  if (!answer.ok) {
    deps.log.warn({ ...search, trouble: answer.trouble }, 'BLAST not handed in');
    const isWaited = await blast.noteCheck(search, waitedSeconds);
    return isWaited ? { state: 'trouble', reason: blastTrouble(answer.trouble) } : { state: 'gone' };
  }
  const isWaited = await blast.submitted(search, waitedSeconds, answer.value);
  return isWaited ? { state: 'submitted', rid: answer.value } : { state: 'gone' };
}

/** The bases of the contig of a search; undefined when results or contig are gone. */
async function sequenceOf({ store, data }: Deps, { analysisId, index }: BlastSearch): Promise<string | undefined> {
  const analysis = await store.analyses.getWithoutResults(analysisId);
  if (!analysis) return undefined;
  const stored = await store.analyses.getResults(analysisId);
  const file = join(data.analysis(analysis.sample.id, analysisId), 'results.json');
  const contigs = stored !== 'file' ? (stored ?? []) : (await fileSize(file)) === undefined ? [] : readJsonList(file);
  for await (const contig of contigs as AsyncIterable<Contig>) if (contig.index === index) return contig.sequence;
  return undefined;
}

type Contig = { index: number; sequence: string };

async function checkOnce(
  deps: Deps,
  search: BlastSearch,
  waitedSeconds: number,
  signal: AbortSignal,
): Promise<BlastCheck> {
  const { blast } = deps.store;
  const service = deps.remote.blast;
  // First, so that trouble of the database does not make this ask NCBI again and again.
  if (!(await blast.isWaiting(search))) return { state: 'gone' };
  const noted = async (check: BlastCheck): Promise<BlastCheck> =>
    (await blast.noteCheck(search, waitedSeconds)) ? check : { state: 'gone' };
  const troubled = (trouble: RemoteTrouble) => {
    deps.log.warn({ ...search, trouble }, 'NCBI BLAST gave no answer');
    return noted({ state: 'trouble', reason: blastTrouble(trouble) });
  };

  if (search.rid === null) throw new Error('The search has not been handed in');
  const status = await service.status(search.rid, signal);
  if (!status.ok) return troubled(status.trouble);
  if (status.value === 'waiting') return noted({ state: 'waiting' });
  if (status.value !== 'ready') return { state: 'failed', reason: status.value };
  const result = await service.result(search.rid, signal);
  if (!result.ok) return troubled(result.trouble);
  return (await blast.complete(search, waitedSeconds, result.value)) ? { state: 'done' } : { state: 'gone' };
}
