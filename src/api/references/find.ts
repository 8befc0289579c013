import type { Store } from '../../store/index.js';
import { holdsRight, type ReferenceDocument, type Right } from '../../store/references/references.js';
import type { Caller } from '../http/caller.js';
import { insufficientRights, notFound, Refusal } from '../http/refusals.js';

/** The reference when it exists and the caller holds the right on it, else the refusal: 404 or 403. */
export async function findReference(
  store: Store,
  referenceId: string | undefined,
  caller: Caller,
  right: Right,
): Promise<ReferenceDocument | Refusal> {
  const reference = await store.references.get(referenceId ?? '');
  if (!reference) return notFound();
  return holdsRight(reference, caller, right) ? reference : insufficientRights();
}

/** Whether {@link findReference} refused. */
export function isRefusal(value: unknown): value is Refusal {
  return value instanceof Refusal;
}
