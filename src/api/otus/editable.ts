import type { Store } from '../../store/index.js';
import type { EditRefusal } from '../../store/otus/otu_edits.js';
import type { NameClash } from '../../store/otus/otu_names.js';
import type { OtuDocument } from '../../store/otus/otus.js';
import type { ReferenceDocument } from '../../store/references/references.js';
import type { Caller } from '../http/caller.js';
import { badRequest, conflict, notFound, Refusal } from '../http/refusals.js';
import { findReference } from '../references/find.js';

/** What a path names: an OTU, perhaps an isolate of it, perhaps a sequence of that. */
export type OtuPath = { otu_id?: string; isolate_id?: string; sequence_id?: string };

/** An OTU that may be edited, and its reference. */
export type EditableOtu = { otu: OtuDocument; reference: ReferenceDocument };

/** The OTU when all that the path names is there, each inside the other; else 404. */
async function findOtu(store: Store, path: OtuPath): Promise<OtuDocument | Refusal> {
  const otu = await store.otus.get(path.otu_id ?? '');
  if (!otu) return notFound();
  if (path.isolate_id !== undefined && !otu.isolates.some(({ id }) => id === path.isolate_id)) return notFound();
  if (path.sequence_id === undefined) return otu;
  const sequence = await store.sequences.get(path.sequence_id);
  return sequence?.otu_id === otu._id && sequence.isolate_id === path.isolate_id ? otu : notFound();
}

/** The OTU of {@link findOtu} when the caller may edit it, else the refusal: 404, 403, or why nobody may. */
export async function findEditableOtu(store: Store, path: OtuPath, caller: Caller): Promise<EditableOtu | Refusal> {
  const otu = await findOtu(store, path);
  if (otu instanceof Refusal) return otu;
  const reference = await findEditableReference(store, otu.reference.id, caller);
  return reference instanceof Refusal ? reference : { otu, reference };
}

/**
 * The reference when the caller may edit its OTUs, else the refusal: 404, 403, 400 for remote references, whose next update
 * would undo the edit, and 409 while a process fills it, which may still remove it.
 */
export async function findEditableReference(
  store: Store,
  referenceId: string | undefined,
  caller: Caller,
): Promise<ReferenceDocument | Refusal> {
  const reference = await findReference(store, referenceId, caller, 'modify_otu');
  if (reference instanceof Refusal) return reference;
  if (reference.remotes_from) return badRequest('OTUs of remote references cannot be edited');
  if (reference.process && (await store.processes.isRunning(reference.process.id))) {
    return conflict('Reference is still being filled');
  }
  return reference;
}

/** Messages about names that are taken; clients compare them. */
export const NAME_CLASHES: Record<NameClash, string> = {
  name_exists: 'Name already exists',
  abbreviation_exists: 'Abbreviation already exists',
  name_and_abbreviation_exist: 'Name and abbreviation already exist',
};

/** The refusal when edits of others kept this one from being written. */
export const contended = () => conflict('Others are editing the same OTU or its names. Try again');

/** The answer for an edit that is not made. */
export function refusalOfEdit(reason: EditRefusal): Refusal {
  if (reason === 'unknown') return notFound();
  if (reason === 'unknown_segment') return badRequest('Segment does not exist');
  if (reason === 'too_large') return badRequest('OTU is too large');
  return reason === 'contended' ? contended() : badRequest(NAME_CLASHES[reason]);
}
