import type { SampleDocument } from '../../store/samples/samples.js';
import type { ApiDeps } from '../deps.js';
import type { Caller } from '../http/caller.js';
import { insufficientRights, notFound, type Refusal } from '../http/refusals.js';

/** The sample of a path, when the caller has the right on it. */
export async function findSample(
  { store }: ApiDeps,
  params: Record<string, string>,
  caller: Caller,
  isAllowed: (caller: Caller, sample: SampleDocument) => boolean,
): Promise<SampleDocument | Refusal> {
  const sample = await store.samples.get(params.sample_id ?? '');
  if (!sample) return notFound();
  return isAllowed(caller, sample) ? sample : insufficientRights();
}
