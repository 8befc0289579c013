import type { Store } from '../../store/index.js';
import type { ChangeOtu, EditRefusal } from '../../store/otus/otu_edits.js';
import type { NameClash } from '../../store/otus/otu_names.js';
import type { JoinedOtu } from '../../store/otus/otus.js';
import type { ReferenceDocument } from '../../store/references/references.js';
import type { Caller } from '../http/caller.js';
import { badRequest, conflict, notFound, Refusal } from '../http/refusals.js';
import type { EditableOtu } from '../rights/references.js';

/** What the description of an edit says about rights. */
export const NEEDS_RIGHT = 'Needs the right `modify_otu`.';

/** Answers that every edit of an OTU may give. */
export const EDIT_ANSWERS = {
  403: 'The right is missing',
  409: 'The reference is still being filled, or others are editing the same OTU',
};

/** What a path names inside an OTU: an isolate, perhaps a sequence of it. */
export type OtuPath = { isolate_id?: string; sequence_id?: string };

/**
 * Edits an OTU that the caller may edit: the OTU as it is then, else the refusal. `makeChange` may refuse what the reference does not
 * allow; `refusals` are those that differ from the usual ones.
 */
export async function changeOtu(
  store: Store,
  { otu, reference }: EditableOtu,
  caller: Caller,
  makeChange: (reference: ReferenceDocument) => ChangeOtu | Refusal,
  refusals: Partial<Record<EditRefusal, Refusal>> = {},
): Promise<JoinedOtu | Refusal> {
  const change = (await refuseEdits(store, reference)) ?? makeChange(reference);
  if (change instanceof Refusal) return change;
  const outcome = await store.otuEdits.change(otu._id, caller.userId, change);
  return outcome.ok ? outcome.otu : (refusals[outcome.reason] ?? refusalOfEdit(outcome.reason));
}

/**
 * The refusal of edits of OTUs that nobody may make: 400 for remote references, whose next update would undo them, and 409 while a
 * process fills the reference, which may still remove it.
 */
export async function refuseEdits(store: Store, reference: ReferenceDocument): Promise<Refusal | undefined> {
  if (reference.remotes_from) return badRequest('OTUs of remote references cannot be edited');
  if (reference.process && (await store.processes.isRunning(reference.process.id))) {
    return conflict('Reference is still being filled');
  }
  return undefined;
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
