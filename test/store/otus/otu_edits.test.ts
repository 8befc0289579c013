import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createStore, type Store } from '../../../src/store/index.js';
import { addIsolate, editIsolate, removeIsolate, setDefaultIsolate } from '../../../src/store/otus/isolate_edits.js';
import { editOtu } from '../../../src/store/otus/otu_field_edits.js';
import type { JoinedOtu } from '../../../src/store/otus/otus.js';
import { addSequence, editSequence, removeSequence } from '../../../src/store/otus/sequence_edits.js';
import { type Editor, editorOf } from '../../support/otu_edits.js';
import { testStore } from '../../support/store.js';

let store: Store;
let edit: Editor;
let dispose: () => Promise<void>;
beforeAll(async () => {
  ({ store, dispose } = await testStore());
  edit = editorOf(store);
});
afterAll(() => dispose());

const isolate = (source_name: string, source_type = 'isolate') => ({ source_type, source_name, default: false });
const bases = (accession: string, sequence = 'ACGT') => ({
  accession,
  definition: `Definition of ${accession}`,
  host: '',
  sequence,
  segment: null,
});
// Each store has its turns to itself, as in a process of its own.
const otherProcesses = (count: number) => tries(count).map(() => editorOf(createStore(store.database)));
const tries = (count: number) => Array.from({ length: count }, (_, index) => index);

describe('an edit', () => {
  test('makes the next version with its change; OTU, sequences and diff agree', async () => {
    const { _id } = await edit.create(await edit.addReference(), 'Tobacco mosaic virus', 'TMV');
    const first = await edit.change(_id, addIsolate(isolate('A')));
    const second = await edit.change(_id, addSequence(first.isolates[0]!.id, bases('ACC1')));
    expect(await store.otus.getJoined(_id)).toEqual(second);
    expect(second).toMatchObject({ version: 2, verified: true });
    expect(first).toMatchObject({ version: 1, verified: false });
    const changes = await store.history.ofOtu(_id).toArray();
    expect(changes[2]).toEqual({
      _id: `${_id}.2`,
      method_name: 'create_sequence',
      description: 'Created new sequence ACC1 in Isolate A',
      created_at: expect.any(Date),
      otu: { id: _id, name: 'Tobacco mosaic virus', version: 2 },
      reference: second.reference,
      index: { id: 'unbuilt', version: 'unbuilt' },
      user: { id: 'bob' },
      diff: [
        ['change', 'verified', [false, true]],
        ['add', ['isolates', 0, 'sequences'], [[0, second.isolates[0]!.sequences[0]]]],
        ['change', 'version', [1, 2]],
      ],
    });
    expect(changes[0]?.diff).toEqual({ ...first, version: 0, isolates: [] });
  });

  test('that changes nothing writes nothing', async () => {
    const { _id } = await edit.create(await edit.addReference(), 'Same virus', 'SV');
    const { isolates } = await edit.change(_id, addIsolate(isolate('A')));
    const isolateId = isolates[0]!.id;
    const before = await edit.change(_id, addSequence(isolateId, bases('ACC1')));
    const sequenceId = before.isolates[0]!.sequences[0]!._id;
    const idle = [
      editOtu({ name: 'Same virus', abbreviation: 'SV', schema: [] }),
      editIsolate(isolateId, { source_type: 'ISOLATE', source_name: 'A' }),
      setDefaultIsolate(isolateId),
      editSequence(isolateId, sequenceId, { ...bases('ACC1'), segment: '' }),
    ];
    for (const change of idle)
      expect(await store.otuEdits.change(_id, 'bob', change)).toEqual({ ok: true, otu: before });
    expect(await store.otus.getJoined(_id)).toEqual(before);
    expect(await edit.sentences(_id)).toHaveLength(3);
  });

  test('of what is not there is refused and writes nothing', async () => {
    const { _id } = await edit.create(await edit.addReference(), 'Small virus');
    const refusal = async (change: Parameters<typeof edit.change>[1], otuId = _id) =>
      store.otuEdits.change(otuId, 'bob', change);
    const unknown = { ok: false, reason: 'unknown' };
    expect(await refusal(addIsolate(isolate('A')), 'unknown1')).toEqual(unknown);
    for (const change of [
      editIsolate('none', { source_name: 'B' }),
      setDefaultIsolate('none'),
      removeIsolate('none'),
      addSequence('none', bases('ACC')),
      editSequence('none', 'none', { host: 'Vitis' }),
      removeSequence('none', 'none'),
    ]) {
      expect(await refusal(change)).toEqual(unknown);
    }
    const { isolates } = await edit.change(_id, addIsolate(isolate('A')));
    const sequence = { ...bases('ACC'), segment: 'RNA1' };
    expect(await refusal(addSequence(isolates[0]!.id, sequence))).toEqual({ ok: false, reason: 'unknown_segment' });
    expect(await edit.sentences(_id)).toHaveLength(2);
  });

  // Otherwise it could be edited, but neither removed nor exported.
  test('that would make an OTU too large for one document is refused', async () => {
    const { _id } = await edit.create(await edit.addReference(), 'Giant virus');
    const { isolates } = await edit.change(_id, addIsolate(isolate('A')));
    const part = 'A'.repeat(8 * 1024 ** 2);
    const before = await edit.change(_id, addSequence(isolates[0]!.id, bases('ACC1', part)));
    const outcome = await store.otuEdits.change(_id, 'bob', addSequence(isolates[0]!.id, bases('ACC2', part)));
    expect(outcome).toEqual({ ok: false, reason: 'too_large' });
    expect(await store.otus.getJoined(_id)).toEqual(before);
  });

  // Histories of old releases may hold a change that the OTU does not know of.
  test('whose change cannot be written leaves OTU and sequences as they were', async () => {
    const { _id } = await edit.create(await edit.addReference(), 'Broken virus');
    const before = await edit.change(_id, addIsolate(isolate('A')));
    const [first] = await store.history.ofOtu(_id).toArray();
    await store.history.collection.insertOne({ ...first!, _id: `${_id}.2` });
    const outcome = await store.otuEdits.change(_id, 'bob', addSequence(before.isolates[0]!.id, bases('ACC1')));
    expect(outcome).toEqual({ ok: false, reason: 'contended' });
    expect(await store.otus.getJoined(_id)).toEqual(before);
    expect(await store.sequences.collection.countDocuments({ otu_id: _id })).toBe(0);
  });
});

test('every sentence about isolates and sequences is that of the contract', async () => {
  const { _id } = await edit.create(await edit.addReference(), 'Plum pox virus', 'PPV');
  const ids = async () => (await store.otus.getJoined(_id))!.isolates.map(({ id }) => id);
  await edit.change(_id, addIsolate(isolate('8816-v2', 'Isolate')));
  await edit.change(_id, addIsolate({ ...isolate('C', 'STRAIN'), default: true }));
  await edit.change(_id, addIsolate(isolate('', '')));
  const [first, second, third] = await ids();
  await edit.change(_id, editIsolate(third!, { source_type: 'genotype', source_name: 'Q' }));
  await edit.change(_id, setDefaultIsolate(first!));
  const { isolates } = await edit.change(_id, addSequence(first!, bases('KX269872.1')));
  const sequenceId = isolates[0]!.sequences[0]!._id;
  await edit.change(_id, editSequence(first!, sequenceId, { host: 'Prunus' }));
  await edit.change(_id, removeSequence(first!, sequenceId));
  await edit.change(_id, removeIsolate(first!));
  await edit.change(_id, removeIsolate(third!));
  await edit.change(_id, removeIsolate(second!));
  await edit.remove(_id);
  expect(await edit.sentences(_id)).toEqual([
    'Created Plum pox virus (PPV)',
    'Added Isolate 8816-v2 as default',
    'Added Strain C as default',
    'Added Unnamed Isolate',
    'Renamed Unnamed Isolate to Genotype Q',
    'Set Isolate 8816-v2 as default',
    'Created new sequence KX269872.1 in Isolate 8816-v2',
    `Edited sequence ${sequenceId} in Isolate 8816-v2`,
    `Removed sequence ${sequenceId} from Isolate 8816-v2`,
    'Removed Isolate 8816-v2 and set Strain C as default',
    'Removed Genotype Q',
    'Removed Strain C',
    'Removed Plum pox virus (PPV)',
  ]);
});

test('exactly one isolate is the default one, whatever is added, chosen and removed', async () => {
  const { _id } = await edit.create(await edit.addReference(), 'Default virus');
  const defaults = (otu: JoinedOtu) => otu.isolates.filter((one) => one.default).map((one) => one.source_name);
  expect(defaults(await edit.change(_id, addIsolate(isolate('A'))))).toEqual(['A']);
  expect(defaults(await edit.change(_id, addIsolate(isolate('B'))))).toEqual(['A']);
  const three = await edit.change(_id, addIsolate({ ...isolate('C'), default: true }));
  expect(defaults(three)).toEqual(['C']);
  const [a, b, c] = three.isolates.map(({ id }) => id);
  expect(defaults(await edit.change(_id, setDefaultIsolate(b!)))).toEqual(['B']);
  expect(defaults(await edit.change(_id, removeIsolate(c!)))).toEqual(['B']);
  expect(defaults(await edit.change(_id, removeIsolate(b!)))).toEqual(['A']);
  expect(defaults(await edit.change(_id, removeIsolate(a!)))).toEqual([]);
});

// Diffs name isolates and sequences by their position.
test('sequences keep their places when one between them is edited or removed', async () => {
  const { _id } = await edit.create(await edit.addReference(), 'Ordered virus');
  const isolateId = (await edit.change(_id, addIsolate(isolate('A')))).isolates[0]!.id;
  for (const accession of ['Z', 'M', 'A', 'K']) await edit.change(_id, addSequence(isolateId, bases(accession)));
  const sequences = async () => (await store.otus.getJoined(_id))!.isolates[0]!.sequences;
  const [z, m] = await sequences();
  await edit.change(_id, editSequence(isolateId, z!._id, { accession: 'Z2' }));
  await edit.change(_id, removeSequence(isolateId, m!._id));
  expect((await sequences()).map(({ accession }) => accession)).toEqual(['Z2', 'A', 'K']);
});

describe('edits at the same time', () => {
  test('of one OTU are all kept, one after the other, and their diffs lead back to the beginning', async () => {
    const { _id } = await edit.create(await edit.addReference(), 'Busy virus');
    const { isolates } = await edit.change(_id, addIsolate(isolate('first')));
    const editors = otherProcesses(3);
    const edited = await Promise.all([
      ...tries(10).map((n) => editors[n % 3]!.change(_id, addIsolate(isolate(`${n}`)))),
      ...tries(6).map((n) => editors[n % 3]!.change(_id, addSequence(isolates[0]!.id, bases(`ACC${n}`)))),
    ]);
    const otu = (await store.otus.getJoined(_id))!;
    const names = otu.isolates.map(({ source_name }) => source_name);
    expect(names.sort()).toEqual([...tries(10).map((n) => `${n}`), 'first']);
    expect(otu.isolates[0]!.sequences).toHaveLength(6);
    expect((await store.history.ofOtu(_id).toArray()).map((change) => change._id)).toEqual(
      tries(18).map((n) => `${_id}.${n}`),
    );
    const states = await store.otuVersions.getOtusAtVersions(tries(18).map((version) => ({ id: _id, version })));
    for (const state of edited) expect(states.get(`${_id}.${state.version}`)).toEqual(state);
    expect(states.get(`${_id}.17`)).toEqual(otu);
    expect(states.get(`${_id}.0`)?.isolates).toEqual([]);
  });

  test('an edit beside the removal is either in the removed state, or refused', async () => {
    const { _id } = await edit.create(await edit.addReference(), 'Short virus');
    const [added] = await Promise.all([store.otuEdits.change(_id, 'bob', addIsolate(isolate('A'))), edit.remove(_id)]);
    const removal = await store.history.get(`${_id}.removed`);
    expect((removal?.diff as JoinedOtu | undefined)?.isolates).toHaveLength(added.ok ? 1 : 0);
    expect(await store.otus.get(_id)).toBeNull();
    expect(await edit.sentences(_id)).toHaveLength(added.ok ? 3 : 2);
  });
});

describe('names', () => {
  const create = (referenceId: string, name: string, abbreviation = '') =>
    store.otuEdits.create({ referenceId, name, abbreviation, schema: [] }, 'bob');

  test('are taken whatever their case, abbreviations only in the same case; elsewhere they are free', async () => {
    const referenceId = await edit.addReference();
    await edit.create(referenceId, 'Tobacco virus', 'TV');
    const reason = async (name: string, abbreviation: string) => {
      const outcome = await create(referenceId, name, abbreviation);
      return outcome.ok ? 'ok' : outcome.reason;
    };
    expect(await reason('TOBACCO virus', 'X')).toBe('name_exists');
    expect(await reason('Other virus', 'TV')).toBe('abbreviation_exists');
    expect(await reason('tobacco VIRUS', 'TV')).toBe('name_and_abbreviation_exist');
    expect(await reason('Second virus', '')).toBe('ok');
    expect(await reason('Third virus', '')).toBe('ok');
    expect(await reason('Fourth virus', 'tv')).toBe('ok');
    await edit.create(await edit.addReference(), 'Tobacco virus', 'TV');
  });

  test('an OTU may change the case of its own name', async () => {
    const { _id } = await edit.create(await edit.addReference(), 'Case virus', 'CV');
    const renamed = await edit.change(_id, editOtu({ name: 'CASE virus' }));
    expect(renamed).toMatchObject({ name: 'CASE virus', lower_name: 'case virus', version: 1 });
  });

  // Old references hold doubles; they must stay editable.
  test('only what is changed is checked', async () => {
    const referenceId = await edit.addReference();
    const { _id } = await edit.create(referenceId, 'Double virus', 'DV');
    const other = await edit.create(referenceId, 'Other virus');
    await store.otus.collection.updateOne({ _id: other._id }, { $set: { abbreviation: 'DV' } });
    expect((await edit.change(_id, editOtu({ name: 'Single virus', abbreviation: 'DV' }))).name).toBe('Single virus');
    const clash = await store.otuEdits.change(_id, 'bob', editOtu({ name: 'OTHER virus' }));
    expect(clash).toEqual({ ok: false, reason: 'name_exists' });
  });

  test('of several creations of one name at the same time one succeeds', async () => {
    const referenceId = await edit.addReference();
    const wanted = { referenceId, name: 'Wanted virus', abbreviation: 'WV', schema: [] };
    const outcomes = await Promise.all(tries(6).map(() => createStore(store.database).otuEdits.create(wanted, 'bob')));
    expect(outcomes.filter(({ ok }) => ok)).toHaveLength(1);
    expect(await store.otus.collection.countDocuments({ 'reference.id': referenceId })).toBe(1);
  });

  test('of two renamings to one name at the same time one succeeds', async () => {
    const referenceId = await edit.addReference();
    const otus = [await edit.create(referenceId, 'One virus'), await edit.create(referenceId, 'Two virus')];
    const outcomes = await Promise.all(
      otus.map(({ _id }) => store.otuEdits.change(_id, 'bob', editOtu({ name: 'Wanted virus' }))),
    );
    expect(outcomes.filter(({ ok }) => ok)).toHaveLength(1);
  });

  test('nothing is created in a reference whose removal has begun', async () => {
    const referenceId = await edit.addReference();
    await create(referenceId, 'Early virus');
    const late = await store.database.transaction(async (session) => {
      await store.references.remove(referenceId, session);
      const outcome = create(referenceId, 'Late virus');
      await Promise.race([outcome, roundTrips(50)]);
      return { outcome };
    });
    expect(await late.outcome).toEqual({ ok: false, reason: 'unknown' });
    expect(await create(referenceId, 'Last virus')).toEqual({ ok: false, reason: 'unknown' });
    expect(await store.otus.collection.countDocuments({ 'reference.id': referenceId })).toBe(1);
  });

  // More than a creation needs, if nothing keeps it from going on.
  async function roundTrips(count: number): Promise<void> {
    for (let done = 0; done < count; done += 1) await store.database.db.command({ ping: 1 });
  }
});
