import type * as v from 'valibot';
import { TASKS } from '../../contracts/jobs.js';
import { jobStart } from '../../contracts/workflow_starts.js';
import type { SampleDocument } from '../../store/samples/samples.js';
import type { ApiDeps } from '../deps.js';
import type { Caller } from '../http/caller.js';
import { withId } from '../http/json.js';
import { badRequest, conflict, notFound, type Refusal } from '../http/refusals.js';
import { created, path, type RouteResult } from '../http/route.js';
import type { CreateAnalysis } from './schemas.js';

/**
 * Creates an analysis of a sample with the newest index of a reference, and starts its job. What the job would only find
 * out after a while, as reads that are still being imported, is refused at once.
 */
export async function createAnalysis(
  deps: ApiDeps,
  caller: Caller,
  sample: SampleDocument,
  { algorithm, ref_id }: v.InferOutput<typeof CreateAnalysis>,
): Promise<RouteResult> {
  const { store, config, workflows } = deps;
  const reference = await store.references.get(ref_id);
  if (!reference) return badRequest('Reference does not exist');
  const index = await store.analyses.newestIndex(reference._id);
  if (!index) return badRequest('No ready index');
  const unready = await refuseUnready(deps, sample);
  if (unready) return unready;
  if (algorithm === 'nuvs' && !(await store.hmms.hasVisible())) return badRequest('No HMM data installed');

  const large = { proc: config.lg_proc, mem: config.lg_mem };
  const small = { proc: config.sm_proc, mem: config.sm_mem };
  const made = await store.analyses.create({
    algorithm,
    sample: { id: sample._id, name: sample.name },
    reference: { id: reference._id, name: reference.name },
    index,
    userId: caller.userId,
    cost: TASKS[algorithm].size === 'large' ? large : small,
  });
  if (!made) return notFound();
  await workflows.start(jobStart(made.job));
  return created(withId(made.analysis), path`/api/analyses/${made.analysis._id}`);
}

async function refuseUnready({ store }: ApiDeps, sample: SampleDocument): Promise<Refusal | undefined> {
  if (sample.imported === 'ip' || !sample.quality) return conflict('Sample is still being imported');
  const subtraction = await store.subtractions.get(sample.subtraction.id);
  if (!subtraction) return badRequest('Subtraction does not exist');
  return subtraction.ready ? undefined : conflict('Subtraction is not ready');
}
