import { afterAll, beforeAll, expect, test } from 'vitest';
import { createHistoryStore } from '../../../src/store/history/history.js';
import { createOtuVersionStore } from '../../../src/store/history/otu_versions.js';
import type { Store } from '../../../src/store/index.js';
import { editOtu, insertOtu, otuOf, removeOtu } from '../../support/references.js';
import { testStore } from '../../support/store.js';

let store: Store;
let dispose: () => Promise<void>;
beforeAll(async () => {
  ({ store, dispose } = await testStore());
});
afterAll(() => dispose());

const rename = (name: string) => (otu: { name: string }) => {
  otu.name = name;
};

test('an OTU comes back as it was at each version, with the sequences it had', async () => {
  const first = await insertOtu(store, otuOf('ref1'));
  const second = await editOtu(store, first._id, (otu) => {
    otu.isolates.pop();
  });
  const third = await editOtu(store, first._id, rename('Other'));
  const { otuVersions } = store;
  expect(await otuVersions.getOtuAtVersion(first._id, 0)).toEqual(first);
  expect(await otuVersions.getOtuAtVersion(first._id, 1)).toEqual(second);
  expect(await otuVersions.getOtuAtVersion(first._id, 2)).toEqual(third);
});

test('a removed OTU comes back from its history, also its last version', async () => {
  const first = await insertOtu(store, otuOf('ref1'));
  const last = await editOtu(store, first._id, rename('Last'));
  await removeOtu(store, first._id);
  expect(await store.otuVersions.getOtuAtVersion(first._id, 1)).toEqual(last);
  expect(await store.otuVersions.getOtuAtVersion(first._id, 0)).toEqual(first);
});

test('versions and OTUs that never were are absent', async () => {
  const { _id } = await insertOtu(store, otuOf('ref1'));
  expect(await store.otuVersions.getOtuAtVersion(_id, 7)).toBeUndefined();
  expect(await store.otuVersions.getOtuAtVersion(_id, -1)).toBeUndefined();
  expect(await store.otuVersions.getOtuAtVersion('unknown', 0)).toBeUndefined();
});

test('many versions come at once, several of one OTU too', async () => {
  const one = await insertOtu(store, otuOf('ref1'));
  const two = await insertOtu(store, otuOf('ref1'));
  const edited = await editOtu(store, one._id, rename('Edited'));
  const found = await store.otuVersions.getOtusAtVersions([
    { id: one._id, version: 0 },
    { id: one._id, version: 1 },
    { id: two._id, version: 0 },
    { id: 'unknown', version: 3 },
  ]);
  expect(Object.fromEntries(found)).toEqual({ [`${one._id}.0`]: one, [`${one._id}.1`]: edited, [`${two._id}.0`]: two });
});

// Stored diffs name sequences by their position.
test('sequences of an isolate keep one order through edits', async () => {
  const otu = otuOf('ref1');
  const [isolate] = otu.isolates;
  const [sequence] = isolate!.sequences;
  isolate!.sequences = ['z', 'm', 'a', 'k'].map((id) => ({ ...sequence!, _id: `${id}${otu._id}` }));
  await insertOtu(store, otu);
  const before = await store.otus.getJoined(otu._id);
  await store.sequences.collection.updateOne({ _id: `z${otu._id}` }, { $set: { host: 'Vitis' } });
  const after = await store.otus.getJoined(otu._id);
  const ids = (joined: typeof before) => joined?.isolates[0]?.sequences.map((one) => one._id);
  expect(ids(after)).toEqual(ids(before));
});

test('what a finished index holds is read from the database once, as long as the cache has room', async () => {
  const history = createHistoryStore(store.database);
  const small = createOtuVersionStore(store.database, store.otus, history, { cacheBytes: 10_000 });
  const otus = [];
  for (let n = 0; n < 4; n += 1) otus.push(await insertOtu(store, otuOf('ref2')));
  const pairs = otus.map(({ _id }) => ({ id: _id, version: 0 }));
  await small.getBuiltOtus(pairs);
  await store.otus.collection.deleteMany({ 'reference.id': 'ref2' });
  await store.history.collection.deleteMany({ 'reference.id': 'ref2' });
  const kept = await small.getBuiltOtus(pairs);
  expect([...kept.keys()]).toEqual([`${otus[2]?._id}.0`, `${otus[3]?._id}.0`]);
});
