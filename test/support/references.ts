import { randomId } from '../../src/store/database/ids.js';
import { changeId, type HistoryDocument, UNBUILT } from '../../src/store/history/history.js';
import { diffStates } from '../../src/store/history/otu_diff.js';
import type { Store } from '../../src/store/index.js';
import { findIssues } from '../../src/store/otus/otu_issues.js';
import { type JoinedOtu, splitOtu } from '../../src/store/otus/otus.js';
import type { ReferenceDocument } from '../../src/store/references/references.js';

/** A blank reference of `bob`, who has all rights. */
export function referenceOf(changes: Partial<ReferenceDocument> = {}): ReferenceDocument {
  return {
    _id: randomId(),
    created_at: new Date(),
    name: 'Plant viruses',
    description: '',
    organism: 'virus',
    data_type: 'genome',
    internal_control: null,
    restrict_source_types: false,
    source_types: ['isolate', 'strain'],
    groups: [],
    users: [{ id: 'bob', build: true, modify: true, modify_otu: true, remove: true }],
    user: { id: 'bob' },
    ...changes,
  };
}

/** An OTU with two isolates of one sequence each, the first one default. */
export function otuOf(referenceId: string, changes: Partial<JoinedOtu> = {}): JoinedOtu {
  const id = changes._id ?? randomId();
  const reference = { id: referenceId };
  const isolate = (name: string, isDefault: boolean) => ({
    id: `${name}${id}`,
    source_type: 'isolate',
    source_name: name,
    default: isDefault,
    sequences: [
      {
        _id: `${name}_${id}`,
        otu_id: id,
        isolate_id: `${name}${id}`,
        reference,
        accession: `ACC_${id}`,
        definition: 'complete genome',
        host: '',
        sequence: 'ACGTACGT',
        segment: null,
      },
    ],
  });
  return {
    _id: id,
    name: `Virus ${id}`,
    lower_name: `virus ${id}`,
    abbreviation: '',
    reference,
    schema: [],
    isolates: [isolate('a', true), isolate('b', false)],
    version: 0,
    last_indexed_version: null,
    verified: true,
    ...changes,
  };
}

type Made = Pick<HistoryDocument, 'method_name' | 'diff'> & { before: JoinedOtu; version: number | 'removed' };

async function insertChange(store: Store, { before, version, method_name, diff }: Made): Promise<void> {
  await store.history.collection.insertOne({
    _id: changeId(before._id, version),
    method_name,
    description: method_name,
    created_at: new Date(),
    otu: { id: before._id, name: before.name, version },
    reference: before.reference,
    index: { ...UNBUILT },
    user: { id: 'bob' },
    diff,
  });
}

/** Inserts an OTU with the change that created it. */
export async function insertOtu(store: Store, joined: JoinedOtu): Promise<JoinedOtu> {
  const { otu, sequences } = splitOtu(joined);
  await store.otus.collection.insertOne(otu);
  if (sequences.length > 0) await store.sequences.collection.insertMany(sequences);
  await insertChange(store, { before: joined, version: 0, method_name: 'create', diff: joined });
  return joined;
}

/** Edits an OTU: what `change` makes of a copy becomes its next version. */
export async function editOtu(store: Store, otuId: string, change: (otu: JoinedOtu) => void): Promise<JoinedOtu> {
  const before = await store.otus.getJoined(otuId);
  if (!before) throw new Error(`There is no OTU ${otuId}`);
  const after = structuredClone(before);
  change(after);
  after.version += 1;
  after.verified = findIssues(after) === null;
  const { otu, sequences } = splitOtu(after);
  await store.otus.collection.replaceOne({ _id: otuId }, otu);
  await store.sequences.collection.deleteMany({ otu_id: otuId });
  if (sequences.length > 0) await store.sequences.collection.insertMany(sequences);
  await insertChange(store, {
    before,
    version: after.version,
    method_name: 'edit',
    diff: diffStates(before, after),
  });
  return after;
}

/** Removes an OTU; its history stays. */
export async function removeOtu(store: Store, otuId: string): Promise<void> {
  const before = await store.otus.getJoined(otuId);
  if (!before) throw new Error(`There is no OTU ${otuId}`);
  await store.otus.collection.deleteOne({ _id: otuId });
  await store.sequences.collection.deleteMany({ otu_id: otuId });
  await insertChange(store, { before, version: 'removed', method_name: 'remove', diff: before });
}
