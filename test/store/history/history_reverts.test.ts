import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { randomId } from '../../../src/store/database/ids.js';
import { UNBUILT } from '../../../src/store/history/history.js';
import { createStore, type Store } from '../../../src/store/index.js';
import { addIsolate, editIsolate, removeIsolate, setDefaultIsolate } from '../../../src/store/otus/isolate_edits.js';
import { type CopyTarget, copyOtu } from '../../../src/store/otus/otu_copies.js';
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

const isolate = (source_name: string) => ({ source_type: 'isolate', source_name, default: false });
const bases = (accession: string, segment: string | null = null) => ({
  accession,
  definition: `Definition of ${accession}`,
  host: '',
  sequence: 'ACGTACGT',
  segment,
});
const segment = (name: string) => ({ name, required: true, molecule: 'ssRNA' });
const current = async (otuId: string) => (await store.otus.getJoined(otuId)) as JoinedOtu;
const controlOf = async (referenceId: string) => (await store.references.get(referenceId))?.internal_control;

/** An OTU that went through every kind of edit, and how it was after each of them. */
async function editedOtu(): Promise<{ otuId: string; states: JoinedOtu[] }> {
  const created = await edit.create(await edit.addReference(), `Virus ${Math.random()}`, 'V');
  const otuId = created._id;
  const states = [created];
  const step = async (change: Parameters<Editor['change']>[1]) => {
    states.push(await edit.change(otuId, change));
    return states.at(-1)!;
  };
  const ids = (otu: JoinedOtu) => otu.isolates.map(({ id }) => id) as [string, string, string];
  await step(editOtu({ schema: [segment('RNA1'), segment('RNA2')] }));
  for (const name of ['A', 'B', 'C']) await step(addIsolate(isolate(name)));
  const [a, b, c] = ids(states.at(-1)!);
  for (const accession of ['Z', 'M', 'A', 'K', 'B']) await step(addSequence(a, bases(accession, 'RNA1')));
  const sequences = states.at(-1)!.isolates[0]!.sequences.map(({ _id }) => _id);
  await step(addSequence(b, bases('Q', 'RNA2')));
  await step(editSequence(a, sequences[1]!, { sequence: 'TTTT', host: 'Vitis' }));
  // Three at once: what the original put back in the wrong order.
  for (const id of [sequences[2]!, sequences[0]!, sequences[4]!]) await step(removeSequence(a, id));
  await step(setDefaultIsolate(b));
  await step(editIsolate(c, { source_type: 'strain', source_name: 'C2' }));
  await step(editOtu({ schema: [segment('RNA1'), segment('RNA3')] }));
  await step(editOtu({ name: `${created.name} two`, abbreviation: '', schema: [segment('RNA3')] }));
  await step(removeIsolate(b));
  await step(removeIsolate(a));
  return { otuId, states };
}

describe('reverting', () => {
  test('one change after the other leads back through every state, to nothing', async () => {
    const { otuId, states } = await editedOtu();
    for (const state of states.toReversed()) {
      expect(await current(otuId)).toEqual(state);
      expect(await edit.revert(`${otuId}.${state.version}`)).toBe('ok');
    }
    expect(await store.otus.get(otuId)).toBeNull();
    expect(await store.history.ofOtu(otuId).toArray()).toEqual([]);
    expect(await store.sequences.collection.countDocuments({ otu_id: otuId })).toBe(0);
  });

  test('a change takes all later ones with it, and editing goes on from there', async () => {
    const { otuId, states } = await editedOtu();
    expect(await edit.revert(`${otuId}.11`)).toBe('ok');
    expect(await current(otuId)).toEqual(states[10]);
    const sequenceId = states[10]!.isolates[0]!.sequences[2]!._id;
    const after = await edit.change(otuId, removeSequence(states[10]!.isolates[0]!.id, sequenceId));
    expect(after.version).toBe(11);
    expect(await current(otuId)).toEqual(after);
    expect(await store.otuVersions.getOtuAtVersion(otuId, 3)).toEqual(states[3]);
    expect(await edit.revert(`${otuId}.11`)).toBe('ok');
    expect(await current(otuId)).toEqual(states[10]);
  });

  test('a removal brings the OTU back as it was', async () => {
    const { otuId, states } = await editedOtu();
    await edit.remove(otuId);
    expect(await edit.revert(`${otuId}.removed`)).toBe('ok');
    expect(await current(otuId)).toEqual(states.at(-1));
    expect(await store.history.ofOtu(otuId).toArray()).toHaveLength(states.length);
    await edit.remove(otuId);
    expect(await edit.revert(`${otuId}.5`)).toBe('ok');
    expect(await current(otuId)).toEqual(states[4]);
  });

  // The original kept a broken OTU without history.
  test.each(['import', 'clone'] as const)('version 0 of an OTU made by %s removes it', async (method) => {
    const target: CopyTarget = {
      method,
      referenceId: await edit.addReference(),
      userId: 'bob',
      createdAt: new Date(),
    };
    const sequences = [{ ...bases('ACC'), remoteId: 'remote01' }];
    const isolates = [{ ...isolate('A'), id: 'abc', default: true, sequences }];
    const copy = copyOtu(
      { name: 'Copied virus', abbreviation: '', schema: [], isolates, remoteId: 'remote02' },
      randomId(),
      target,
    );
    const otuId = copy.otu._id;
    await store.otus.collection.insertOne(copy.otu);
    await store.sequences.collection.insertMany(copy.sequences);
    await store.history.collection.insertOne(copy.change);
    const before = await current(otuId);
    await edit.change(otuId, removeIsolate('abc'));
    expect(await edit.revert(`${otuId}.1`)).toBe('ok');
    expect(await current(otuId)).toEqual(before);
    await edit.change(otuId, removeIsolate('abc'));
    expect(await edit.revert(`${otuId}.0`)).toBe('ok');
    expect(await store.otus.get(otuId)).toBeNull();
    expect(await store.history.ofOtu(otuId).toArray()).toEqual([]);
    expect(await store.sequences.collection.countDocuments({ otu_id: otuId })).toBe(0);
  });

  test('what a build has taken in is refused, also below an unbuilt change', async () => {
    const { otuId, states } = await editedOtu();
    const build = { index: { id: 'index001', version: 0 } };
    const upTo = (version: number) => ({ 'otu.id': otuId, 'otu.version': { $lte: version } });
    await store.history.collection.updateMany(upTo(3), { $set: build });
    expect(await edit.revert(`${otuId}.3`)).toBe('built');
    expect(await edit.revert(`${otuId}.0`)).toBe('built');
    expect(await current(otuId)).toEqual(states.at(-1));
    expect(await edit.revert(`${otuId}.4`)).toBe('ok');
    expect(await current(otuId)).toEqual(states[3]);
  });

  test('an unknown change, or one that is reverted already, is unknown', async () => {
    const { otuId } = await editedOtu();
    const change = (await store.history.get(`${otuId}.2`))!;
    expect(await edit.revert(`${otuId}.2`)).toBe('ok');
    expect(await store.historyReverts.revert(change)).toEqual({ ok: false, reason: 'unknown' });
  });

  // Old releases wrote OTU and history one after the other.
  test('through a history with gaps is a fault that changes nothing', async () => {
    const { otuId, states } = await editedOtu();
    await store.history.collection.deleteOne({ _id: `${otuId}.4` });
    await expect(edit.revert(`${otuId}.2`)).rejects.toThrow('does not lead back');
    await expect(edit.revert(`${otuId}.3`)).rejects.toThrow('does not lead back');
    expect(await current(otuId)).toEqual(states.at(-1));
  });
});

describe('names', () => {
  test('a former name or abbreviation that is taken by now refuses the revert', async () => {
    const referenceId = await edit.addReference();
    const { _id } = await edit.create(referenceId, 'Old virus', 'OV');
    await edit.change(_id, editOtu({ name: 'New virus', abbreviation: 'NV' }));
    const other = await edit.create(referenceId, 'OLD virus', 'OV');
    expect(await edit.revert(`${_id}.1`)).toBe('name_and_abbreviation_exist');
    await edit.change(other._id, editOtu({ abbreviation: '' }));
    expect(await edit.revert(`${_id}.1`)).toBe('name_exists');
    expect((await current(_id)).name).toBe('New virus');
    await edit.remove(other._id);
    expect(await edit.revert(`${_id}.1`)).toBe('ok');
    expect(await edit.revert(`${other._id}.removed`)).toBe('name_exists');
    expect((await current(_id)).name).toBe('Old virus');
  });

  test('a removed OTU and a new one of its name do not both come into being', async () => {
    const referenceId = await edit.addReference();
    const { _id } = await edit.create(referenceId, 'Wanted virus');
    await edit.remove(_id);
    const created = store.otuEdits.create({ referenceId, name: 'Wanted virus', abbreviation: '', schema: [] }, 'bob');
    const [reverted, { ok }] = await Promise.all([edit.revert(`${_id}.removed`), created]);
    expect([reverted === 'ok', ok].filter(Boolean)).toHaveLength(1);
    expect(await store.otus.collection.countDocuments({ 'reference.id': referenceId })).toBe(1);
  });
});

describe('the internal control', () => {
  test('is lost with the OTU and comes back with it', async () => {
    const referenceId = await edit.addReference();
    const { _id } = await edit.create(referenceId, 'Control virus');
    await store.references.edit(referenceId, { internal_control: { id: _id } });
    await edit.remove(_id);
    expect(await controlOf(referenceId)).toBeNull();
    await edit.revert(`${_id}.removed`);
    expect(await controlOf(referenceId)).toEqual({ id: _id });
    await edit.revert(`${_id}.0`);
    expect(await controlOf(referenceId)).toBeNull();
  });

  test('stays another OTU that took its place', async () => {
    const referenceId = await edit.addReference();
    const { _id } = await edit.create(referenceId, 'Control virus');
    const other = await edit.create(referenceId, 'Other virus');
    await store.references.edit(referenceId, { internal_control: { id: _id } });
    await edit.remove(_id);
    await store.references.edit(referenceId, { internal_control: { id: other._id } });
    await edit.revert(`${_id}.removed`);
    expect(await controlOf(referenceId)).toEqual({ id: other._id });
  });
});

describe('at the same time', () => {
  test('an edit and a revert leave OTU and history in agreement', async () => {
    const { otuId } = await editedOtu();
    const last = (await current(otuId)).version;
    const others = editorOf(createStore(store.database));
    await Promise.all([
      edit.revert(`${otuId}.${last}`),
      others.change(otuId, addIsolate(isolate('X'))),
      others.change(otuId, addIsolate(isolate('Y'))),
    ]);
    const otu = await current(otuId);
    const versions = (await store.history.ofOtu(otuId).toArray()).map((change) => change.otu.version);
    expect(versions).toEqual(Array.from({ length: otu.version + 1 }, (_, version) => version));
    expect(await store.otuVersions.getOtuAtVersion(otuId, 0)).toMatchObject({ version: 0, isolates: [] });
  });

  test('two reverts of one change revert it once', async () => {
    const { otuId, states } = await editedOtu();
    await edit.remove(otuId);
    const outcomes = await Promise.all([
      edit.revert(`${otuId}.removed`),
      editorOf(createStore(store.database)).revert(`${otuId}.removed`),
    ]);
    expect(outcomes.sort()).toEqual(['ok', 'unknown']);
    expect(await current(otuId)).toEqual(states.at(-1));
  });

  test('a build and a revert do not share a change', async () => {
    const { otuId, states } = await editedOtu();
    const last = states.at(-1)!;
    await edit.change(otuId, addSequence(last.isolates[0]!.id, bases('C')));
    const referenceId = last.reference.id;
    const cost = { proc: 1, mem: 1 };
    const [reverted, built] = await Promise.all([
      edit.revert(`${otuId}.${last.version + 1}`),
      store.indexBuilds.create({ referenceId, userId: 'bob', cost }),
    ]);
    const otu = await current(otuId);
    if (reverted === 'ok') expect(otu).toEqual(last);
    else expect(otu.version).toBe(last.version + 1);
    const unbuilt = await store.history.collection.countDocuments({ 'otu.id': otuId, 'index.id': UNBUILT.id });
    expect(unbuilt).toBe(built.ok ? 0 : last.version + 1);
  });
});
