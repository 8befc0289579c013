import type { HistoryDocument } from '../../store/history/history.js';
import type { Store } from '../../store/index.js';
import type { IndexDocument } from '../../store/indexes/index_builds.js';
import type { OtuDocument } from '../../store/otus/otus.js';
import type { SequenceDocument } from '../../store/otus/sequences.js';
import {
  canReadReference,
  type ReferenceScope,
  type ReferenceViewer,
} from '../../store/references/reference_rights.js';
import { holdsRight, type ReferenceDocument, type Right as ReferenceRight } from '../../store/references/references.js';
import type { Caller } from '../http/caller.js';
import { insufficientRights, notFound, Refusal } from '../http/refusals.js';
import type { Right } from '../http/right.js';

/** An OTU that the caller may edit, and its reference. */
export type EditableOtu = { otu: OtuDocument; reference: ReferenceDocument };

/** A change that the caller may revert, and its reference. */
export type RevertibleChange = { change: HistoryDocument; reference: ReferenceDocument };

/** The reference when it exists and the caller holds the right on it, else the refusal: 404 or 403. */
export async function findReference(
  store: Store,
  referenceId: string | undefined,
  caller: Caller,
  needs: 'read' | ReferenceRight,
): Promise<ReferenceDocument | Refusal> {
  const reference = await store.references.get(referenceId ?? '');
  if (!reference) return notFound();
  const holds = needs === 'read' ? canReadReference(caller, reference) : holdsRight(reference, caller, needs);
  return holds ? reference : insufficientRights();
}

/** A right on the reference of the path. */
export function onReference(store: Store, needs: 'read' | ReferenceRight): Right<ReferenceDocument> {
  return {
    rule: { on: 'reference', needs },
    find: ({ params, caller }) => findReference(store, params.ref_id, caller, needs),
  };
}

/** The right to read the OTU of the path: that of its reference. */
export function onOtu(store: Store): Right<OtuDocument> {
  return readable(store, ({ otu_id = '' }) => store.otus.get(otu_id), referenceOf);
}

/** The right to read the change of the path. */
export function onChange(store: Store): Right<HistoryDocument> {
  return readable(store, ({ change_id = '' }) => store.history.get(change_id), referenceOf);
}

/** The right to read the index of the path. */
export function onIndex(store: Store): Right<IndexDocument> {
  return readable(store, ({ index_id = '' }) => store.indexBuilds.get(index_id), referenceOf);
}

/** The right to read the sequence of the path, which lies in an OTU. */
export function onSequence(store: Store): Right<{ sequence: SequenceDocument; otu: OtuDocument }> {
  const find = async ({ sequence_id = '' }: Record<string, string>) => {
    const sequence = await store.sequences.get(sequence_id);
    const otu = sequence && (await store.otus.get(sequence.otu_id));
    return otu ? { sequence, otu } : null;
  };
  return readable(store, find, ({ otu }) => otu.reference.id);
}

/** The right to edit the OTU of the path; 404 also when it has no such isolate or sequence. */
export function onOtuToEdit(store: Store): Right<EditableOtu> {
  return {
    rule: { on: 'reference', needs: 'modify_otu' },
    async find({ params, caller }) {
      const otu = await findOtu(store, params);
      if (otu instanceof Refusal) return otu;
      const reference = await findReference(store, otu.reference.id, caller, 'modify_otu');
      return reference instanceof Refusal ? reference : { otu, reference };
    },
  };
}

/** The right to revert the change of the path. */
export function onChangeToRevert(store: Store): Right<RevertibleChange> {
  return {
    rule: { on: 'reference', needs: 'modify_otu' },
    async find({ params, caller }) {
      const change = await store.history.get(params.change_id ?? '');
      if (!change) return notFound();
      const reference = await findReference(store, change.reference.id, caller, 'modify_otu');
      return reference instanceof Refusal ? reference : { change, reference };
    },
  };
}

/** The list of references: the store limits it to those that the viewer may read. */
export const amongReadableReferences: Right<ReferenceViewer> = {
  rule: { on: 'list', of: 'references' },
  find: async ({ caller }) => caller,
};

/** Lists across references: those that the caller may read. */
export function inReadableReferences(store: Store): Right<ReferenceScope> {
  return {
    rule: { on: 'list', of: 'references' },
    find: ({ caller }) => store.referenceRights.scope(caller),
  };
}

const referenceOf = ({ reference }: { reference: { id: string } }) => reference.id;

// What a removed reference has left, as the history that analyses need, is for administrators.
function readable<T>(
  store: Store,
  find: (params: Record<string, string>) => Promise<T | null>,
  referenceIdOf: (found: T) => string,
): Right<T> {
  return {
    rule: { on: 'reference', needs: 'read' },
    async find({ params, caller }) {
      const found = await find(params);
      if (!found) return notFound();
      const reference = await store.referenceRights.access(referenceIdOf(found));
      if (!reference) return caller.administrator ? found : notFound();
      return canReadReference(caller, reference) ? found : insufficientRights();
    },
  };
}

async function findOtu(store: Store, params: Record<string, string>): Promise<OtuDocument | Refusal> {
  const { otu_id, isolate_id, sequence_id } = params;
  const otu = await store.otus.get(otu_id ?? '');
  if (!otu) return notFound();
  if (isolate_id !== undefined && !otu.isolates.some(({ id }) => id === isolate_id)) return notFound();
  if (sequence_id === undefined) return otu;
  const sequence = await store.sequences.get(sequence_id);
  return sequence?.otu_id === otu._id && sequence.isolate_id === isolate_id ? otu : notFound();
}
