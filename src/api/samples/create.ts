import type * as v from 'valibot';
import { jobStart } from '../../contracts/workflow_starts.js';
import type { NewSample, SampleRefusal } from '../../store/samples/samples.js';
import type { Settings } from '../../store/settings.js';
import type { ApiDeps } from '../deps.js';
import type { Caller } from '../http/caller.js';
import { withId } from '../http/json.js';
import { badRequest, Refusal } from '../http/refusals.js';
import { created, path, type RouteResult } from '../http/route.js';
import type { CreateSample } from './schemas.js';

const MESSAGES: Record<SampleRefusal, string> = {
  name_taken: 'Sample name is already in use',
  no_subtraction: 'Subtraction does not exist',
  no_file: 'File does not exist',
};

/** The refusal of a sample by the store. */
export function refuseSample(reason: SampleRefusal): Refusal {
  return badRequest(MESSAGES[reason]);
}

/** Creates a sample of uploads and starts its job; refuses in the order name, subtraction, files, group. */
export async function createSample(
  deps: ApiDeps,
  caller: Caller,
  { group: wantedGroup, ...body }: v.InferOutput<typeof CreateSample>,
): Promise<RouteResult> {
  const { store, config } = deps;
  const settings = await store.settings.get();
  const input: NewSample = { ...body, uniqueNames: settings.sample_unique_names };
  const group = await groupOfSample(deps, settings, caller, wantedGroup);
  if (group instanceof Refusal) {
    const problem = await store.samples.findProblem(input);
    return problem ? refuseSample(problem) : group;
  }
  const outcome = await store.samples.create(input, {
    user: { id: caller.userId },
    group,
    group_read: settings.sample_group_read,
    group_write: settings.sample_group_write,
    all_read: settings.sample_all_read,
    all_write: settings.sample_all_write,
    cost: { proc: config.sm_proc, mem: config.sm_mem },
  });
  if (typeof outcome === 'string') return refuseSample(outcome);
  await deps.workflows.start(jobStart(outcome.job));
  return created(withId(outcome.sample), path`/api/samples/${outcome.sample._id}`);
}

async function groupOfSample(
  { store }: ApiDeps,
  settings: Settings,
  caller: Caller,
  wanted: string | undefined,
): Promise<string | null | Refusal> {
  if (settings.sample_group === 'users_primary_group') {
    return (await store.users.get(caller.userId))?.primary_group || null;
  }
  if (settings.sample_group !== 'force_choice') return 'none';
  if (!wanted) return badRequest('Group value required for sample creation');
  return (await store.groups.get(wanted)) ? wanted : badRequest('Group does not exist');
}
