import { ALGORITHMS } from '../../store/analyses.js';
import type { ApiDeps } from '../deps.js';
import type { Caller } from '../http/caller.js';
import { badRequest, conflict, Refusal } from '../http/refusals.js';
import type { RouteResult } from '../http/route.js';
import type { FoundAnalysis } from '../rights/samples.js';
import {
  findIndexedReference,
  type IndexedReference,
  newAnalysis,
  refuseAlgorithm,
  refuseUnready,
  startAnalysis,
} from './create.js';
import type { INDEX_CHOICES } from './schemas.js';

/** Which index a rerun uses: that of the former analysis, or the newest ready one of its reference. */
type IndexChoice = (typeof INDEX_CHOICES)[number];

/** Starts an analysis like a finished one, which takes over what would come out the same. */
export async function rerunAnalysis(
  deps: ApiDeps,
  caller: Caller,
  { analysis, sample }: FoundAnalysis,
  choice: IndexChoice,
): Promise<RouteResult> {
  if (!analysis.ready) return conflict('Analysis is still running');
  const algorithm = ALGORITHMS.find((name) => name === analysis.algorithm);
  if (!algorithm) return badRequest('Algorithm is not available any more');
  const indexed = await chooseIndex(deps, caller, analysis, choice);
  if (indexed instanceof Refusal) return indexed;
  const refusal = (await refuseUnready(deps, sample)) ?? (await refuseAlgorithm(deps, algorithm));
  if (refusal) return refusal;
  const input = newAnalysis(deps, caller, { algorithm, sample, ...indexed });
  return startAnalysis(deps, { ...input, rerunOf: analysis._id });
}

async function chooseIndex(
  deps: ApiDeps,
  caller: Caller,
  { reference, index }: FoundAnalysis['analysis'],
  choice: IndexChoice,
): Promise<IndexedReference | Refusal> {
  const newest = await findIndexedReference(deps, caller, reference.id);
  if (newest instanceof Refusal || choice === 'latest' || newest.index.id === index.id) return newest;
  const former = await deps.store.indexBuilds.get(index.id);
  if (!former?.ready || !former.has_files) return conflict('The files of the index are gone. Use the latest index');
  return { reference: newest.reference, index: { id: former._id, version: former.version } };
}
