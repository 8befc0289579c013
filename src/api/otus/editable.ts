import type { Store } from '../../store/index.js';
import type { ChangeOtu, EditRefusal } from '../../store/otus/otu_edits.js';
import type { NameClash } from '../../store/otus/otu_names.js';
import type { JoinedOtu, OtuDocument } from '../../store/otus/otus.js';
import type { ReferenceDocument } from '../../store/references/references.js';
import type { Caller } from '../http/caller.js';
import { badRequest, conflict, notFound, Refusal } from '../http/refusals.js';
import { findReference } from '../references/find.js';

/** What the description of an edit says about rights. */
export const NEEDS_RIGHT = 'Needs the right `modify_otu`.';

/** Answers that every edit of an OTU may give. */
export const EDIT_ANSWERS = {
  403: 'The right is missing',
  409: 'The reference is still being filled, or others are editing the same OTU',
};

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
 * Edits the OTU that the path names, when the caller may: the OTU as it is then, else the refusal. `makeChange` may refuse
 * what the reference does not allow; `refusals` are those that differ from the usual ones.
 */
export async function changeOtu(
  store: Store,
  path: OtuPath,
  caller: Caller,
  makeChange: (reference: ReferenceDocument) => ChangeOtu | Refusal,
  refusals: Partial<Record<EditRefusal, Refusal>> = {},
): Promise<JoinedOtu | Refusal> {
  const found = await findEditableOtu(store, path, caller);
  if (found instanceof Refusal) return found;
  const change = makeChange(found.reference);
  if (change instanceof Refusal) return change;
  const outcome = await store.otuEdits.change(found.otu._id, caller.userId, change);
  return outcome.ok ? outcome.otu : (refusals[outcome.reason] ?? refusalOfEdit(outcome.reason));
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
