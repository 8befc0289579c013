import { TASKS } from '../../contracts/jobs.js';
import { jobStart } from '../../contracts/workflow_starts.js';
import type { Algorithm, NewAnalysis } from '../../store/analyses.js';
import type { ReferenceDocument } from '../../store/references/references.js';
import type { SampleDocument } from '../../store/samples/samples.js';
import type { ApiDeps } from '../deps.js';
import type { Caller } from '../http/caller.js';
import { withId } from '../http/json.js';
import { badRequest, conflict, notFound, Refusal } from '../http/refusals.js';
import { created, path, type RouteResult } from '../http/route.js';
import { findReference } from '../rights/references.js';

type Index = { id: string; version: number };

/** A reference with the index that an analysis would use. */
export type IndexedReference = { reference: ReferenceDocument; index: Index };

/**
 * Creates an analysis of a sample with the newest index of a reference, and starts its job. What the job would only find
 * out after a while, as reads that are still being imported, is refused at once.
 */
export async function createAnalysis(
  deps: ApiDeps,
  caller: Caller,
  sample: SampleDocument,
  { algorithm, ref_id }: { algorithm: Algorithm; ref_id: string },
): Promise<RouteResult> {
  const indexed = await findIndexedReference(deps, caller, ref_id);
  if (indexed instanceof Refusal) return indexed;
  const refusal = (await refuseUnready(deps, sample)) ?? (await refuseAlgorithm(deps, algorithm));
  return refusal ?? startAnalysis(deps, newAnalysis(deps, caller, { algorithm, sample, ...indexed }));
}

/** Inserts a checked analysis, starts its job and answers with it. */
export async function startAnalysis({ store, workflows }: ApiDeps, input: NewAnalysis): Promise<RouteResult> {
  const made = await store.analyses.create(input);
  if (!made) return notFound();
  await workflows.start(jobStart(made.job));
  return created(withId(made.analysis), path`/api/analyses/${made.analysis._id}`);
}

/** What it takes to insert an analysis. */
export function newAnalysis(
  { config }: ApiDeps,
  caller: Caller,
  { algorithm, sample, reference, index }: IndexedReference & { algorithm: Algorithm; sample: SampleDocument },
): NewAnalysis {
  const large = { proc: config.lg_proc, mem: config.lg_mem };
  const small = { proc: config.sm_proc, mem: config.sm_mem };
  return {
    algorithm,
    sample: { id: sample._id, name: sample.name },
    reference: { id: reference._id, name: reference.name },
    index,
    userId: caller.userId,
    cost: TASKS[algorithm].size === 'large' ? large : small,
  };
}

/** A reference that the caller may read, with its newest ready index. */
export async function findIndexedReference(
  { store }: ApiDeps,
  caller: Caller,
  referenceId: string,
): Promise<IndexedReference | Refusal> {
  const reference = await findReference(store, referenceId, caller, 'read');
  if (reference instanceof Refusal) {
    return reference.status === 404 ? badRequest('Reference does not exist') : reference;
  }
  const index = await store.analyses.newestIndex(reference._id);
  return index ? { reference, index } : badRequest('No ready index');
}

/** The refusal of an algorithm that lacks what it needs on this server. */
export async function refuseAlgorithm({ store }: ApiDeps, algorithm: Algorithm): Promise<Refusal | undefined> {
  return algorithm === 'nuvs' && !(await store.hmms.hasVisible()) ? badRequest('No HMM data installed') : undefined;
}

/** The refusal of a sample that cannot be analysed yet, or not any more. */
export async function refuseUnready({ store }: ApiDeps, sample: SampleDocument): Promise<Refusal | undefined> {
  if (sample.imported === 'ip' || !sample.quality) return conflict('Sample is still being imported');
  const subtraction = await store.subtractions.get(sample.subtraction.id);
  if (!subtraction) return badRequest('Subtraction does not exist');
  return subtraction.ready ? undefined : conflict('Subtraction is not ready');
}
