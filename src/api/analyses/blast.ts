import { BLAST_PACE, type BlastSearch, blastWorkflowId } from '../../contracts/blast.js';
import { blastStart } from '../../contracts/workflow_starts.js';
import type { Logger } from '../../log.js';
import type { AnalysisDocument, BlastDocument } from '../../store/analyses.js';
import { waitingOf } from '../../store/blast.js';
import { randomId } from '../../store/database/ids.js';
import type { ApiDeps } from '../deps.js';
import { conflict, notFound, Refusal } from '../http/refusals.js';
import { created, path, type Route, route } from '../http/route.js';
import { onAnalysis } from '../rights/samples.js';
import type { NuvsContig } from './downloads/nuvs.js';
import { openResults } from './results.js';

/** How long the request waits for NCBI. */
const HAND_IN_LIMIT_MS = 5_000;

/** Starts the BLAST of a contig. */
export function createBlastRoute(deps: ApiDeps): Route {
  const { store, workflows } = deps;
  return route({
    method: 'PUT',
    path: '/api/analyses/:analysis_id/:sequence_index/blast',
    summary: 'BLAST a contig',
    description:
      'Hands a contig of a NuVs analysis in at NCBI BLAST (blastn against nr) and waits for the result in the background. When NCBI does not ' +
      'take it within five seconds, `rid` is null, and that is tried again in the background. The contig has the result as `blast.result` as soon as `blast.ready` is true. When NCBI gives no result, `blast` becomes null and ' +
      '`blast_error` says why and what to do. A BLAST of the same contig that was begun before is given up. Needs the right ' +
      'to write the sample.',
    tag: 'Analyses',
    access: 'user',
    right: onAnalysis(store, 'write', { missing: notFound('Analysis not found') }),
    answers: {
      201: 'The BLAST that has begun',
      400: 'The sample is gone',
      403: 'The sample may not be changed',
      404: 'No such analysis or contig, or the file with the results is gone',
      409: 'It is no NuVs analysis, or it is still running',
    },
    async handle({ params, subject: { analysis, sample }, log }) {
      if (analysis.algorithm !== 'nuvs') return conflict('Not a NuVs analysis');
      if (!analysis.ready) return conflict('Analysis is still running');
      const contig = await findContig(deps, analysis, params.sequence_index ?? '');
      if (contig instanceof Refusal) return contig;

      const rid = await handIn(deps, contig, log);
      const name = rid === null ? { rid, ticket: randomId() } : { rid };
      const search: BlastSearch = { analysisId: analysis._id, index: contig.index, ...name };
      const begun = await store.blast.begin(search, BLAST_PACE.first);
      if (!begun) return notFound('Analysis not found');
      const { blast, former } = begun;
      if (former?.state === 'waiting') await workflows.cancel(blastWorkflowId({ ...former, analysisId: analysis._id }));
      await workflows.start(blastStart(search, sample._id));
      return created(toWireBlast(blast), path`/api/analyses/${analysis._id}/${String(contig.index)}/blast`);
    },
  });
}

/** Hands a contig in at NCBI; null when that does not take it at once, whatever the reason. */
async function handIn({ remote }: ApiDeps, { index, sequence }: NuvsContig, log: Logger): Promise<string | null> {
  const limit = AbortSignal.timeout(HAND_IN_LIMIT_MS);
  try {
    const answer = await remote.blast.submit(sequence, limit);
    if (answer.ok) return answer.value;
    log.warn({ index, trouble: answer.trouble }, 'BLAST not handed in, left to its workflow');
  } catch (err) {
    if (!limit.aborted) throw err;
    log.warn({ index, err }, 'BLAST not handed in in time, left to its workflow');
  }
  return null;
}

/** Ends the BLASTs of an analysis that is gone. */
export async function cancelBlasts({ workflows }: ApiDeps, analysis: Head): Promise<void> {
  for (const search of waitingOf(analysis)) await workflows.cancel(blastWorkflowId(search));
}

/**
 * What the BLAST of a contig adds to it. Without a result there is none unless it still goes on; clients of release 3.7.3 rely on
 * `ready` only together with `result`.
 */
export function toWireContigBlast(
  { index, blast: old }: Pick<NuvsContig, 'index' | 'blast'>,
  blasts: readonly BlastDocument[] = [],
): Record<string, unknown> {
  const blast = blasts.find((one) => one.index === index);
  if (blast?.error) return { blast: null, blast_error: { rid: blast.rid, ...blast.error } };
  if (blast) return { blast: toWireBlast(blast) };
  // Nobody waits any more for those that an old release has left unfinished.
  return old === undefined ? {} : { blast: old?.ready && old.result ? old : null };
}

function toWireBlast({ rid, state, last_checked_at, interval, result }: BlastDocument): Record<string, unknown> {
  return { rid, ready: state === 'done', last_checked_at, interval, ...(result ? { result } : {}) };
}

type Head = Pick<AnalysisDocument, '_id' | 'sample' | 'blasts'>;

async function findContig(deps: ApiDeps, analysis: Head, index: string): Promise<NuvsContig | Refusal> {
  const results = await openResults(deps, analysis);
  if (!results) return notFound('Results not found');
  if (/^\d{1,9}$/.test(index)) {
    for await (const result of results) {
      const contig = result as NuvsContig;
      if (contig.index === Number(index)) return contig;
    }
  }
  return notFound('Sequence not found');
}
