import { afterAll, beforeAll, expect, test } from 'vitest';
import { randomId } from '../../../src/store/database/ids.js';
import type { Store } from '../../../src/store/index.js';
import type { BuildOutcome, IndexDocument } from '../../../src/store/indexes/index_builds.js';
import type { JoinedOtu } from '../../../src/store/otus/otus.js';
import { editOtu, insertOtu, otuOf, removeOtu } from '../../support/references.js';
import { testStore } from '../../support/store.js';

let store: Store;
let dispose: () => Promise<void>;
beforeAll(async () => {
  ({ store, dispose } = await testStore());
});
afterAll(() => dispose());

const cost = { proc: 2, mem: 4 };
const start = (referenceId: string) => store.indexBuilds.create({ referenceId, userId: 'bob', cost });
const publish = (indexId: string) =>
  store.database.transaction((session) => store.indexBuilds.publish(indexId, session));

async function build(referenceId: string): Promise<IndexDocument> {
  const outcome = await start(referenceId);
  if (!outcome.ok) throw new Error(outcome.reason);
  return outcome.index;
}

async function collect(indexId: string): Promise<JoinedOtu[]> {
  const found: JoinedOtu[] = [];
  for await (const otu of store.indexBuilds.otusOfManifest(indexId)) found.push(otu);
  return found;
}

async function tags(referenceId: string): Promise<Record<string, string>> {
  const changes = await store.history.collection.find({ 'reference.id': referenceId }).toArray();
  return Object.fromEntries(changes.map((change) => [change._id, change.index.id]));
}

const rename = (otu: JoinedOtu) => {
  otu.name = `${otu.name} renamed`;
};

test('a build holds every OTU at its version, tags exactly their changes and has a waiting job', async () => {
  const reference = randomId();
  const kept = await insertOtu(store, otuOf(reference));
  await editOtu(store, kept._id, rename);
  const gone = await insertOtu(store, otuOf(reference));
  await removeOtu(store, gone._id);
  const outcome = await start(reference);
  const index = (outcome as BuildOutcome & { ok: true }).index;
  expect(index).toMatchObject({ version: 0, manifest: { [kept._id]: 1 }, ready: false, has_files: true });
  expect(await store.jobs.get(index.job.id)).toMatchObject({
    task: 'build_index',
    ...cost,
    args: { ref_id: reference, user_id: 'bob', index_id: index._id, index_version: 0, manifest: index.manifest },
    status: [{ state: 'waiting' }],
  });
  await editOtu(store, kept._id, rename);
  expect(await tags(reference)).toEqual({
    [`${kept._id}.0`]: index._id,
    [`${kept._id}.1`]: index._id,
    [`${kept._id}.2`]: 'unbuilt',
    [`${gone._id}.0`]: index._id,
    [`${gone._id}.removed`]: index._id,
  });
});

test('of many requests at once exactly one starts a build', async () => {
  const reference = randomId();
  for (let n = 0; n < 5; n += 1) await insertOtu(store, otuOf(reference));
  const outcomes = await Promise.all(Array.from({ length: 6 }, () => start(reference)));
  expect(outcomes.filter((one) => one.ok)).toHaveLength(1);
  expect(outcomes.filter((one) => !one.ok && one.reason === 'in_progress')).toHaveLength(5);
  expect(await store.indexBuilds.collection.countDocuments({ 'reference.id': reference })).toBe(1);
  expect(await store.jobs.collection.countDocuments({ 'args.ref_id': reference })).toBe(1);
});

test('a build is refused without changes, with unverified OTUs and when all OTUs were removed', async () => {
  const reference = randomId();
  expect(await start(reference)).toEqual({ ok: false, reason: 'no_changes' });
  const { _id } = await insertOtu(store, otuOf(reference, { isolates: [], verified: false }));
  expect(await start(reference)).toEqual({ ok: false, reason: 'unverified' });
  await removeOtu(store, _id);
  expect(await start(reference)).toEqual({ ok: false, reason: 'no_otus' });
  expect(Object.values(await tags(reference))).toEqual(['unbuilt', 'unbuilt']);
});

test('the OTUs of a build come by id as they were when it was asked for, also edited and removed ones', async () => {
  const reference = randomId();
  const [first, second, third] = await Promise.all(
    ['c', 'a', 'b'].map((letter) => insertOtu(store, otuOf(reference, { _id: `${letter}${randomId()}` }))),
  );
  const { _id } = await build(reference);
  await editOtu(store, first!._id, (otu) => {
    otu.isolates.shift();
  });
  await removeOtu(store, third!._id);
  await insertOtu(store, otuOf(reference));
  expect(await collect(_id)).toEqual([second, third, first]);
});

test('an OTU that cannot be rebuilt ends the iteration with a fault', async () => {
  const reference = randomId();
  const { _id } = await insertOtu(store, otuOf(reference));
  const index = await build(reference);
  await store.otus.collection.deleteOne({ _id });
  await expect(collect(index._id)).rejects.toThrow(`OTU ${_id} cannot be rebuilt`);
});

// An edit during the build must not count as indexed, and other references keep their files.
test('publishing marks the versions of the manifest and takes the files of former indexes of this reference only', async () => {
  const [reference, other] = [randomId(), randomId()];
  const otu = await insertOtu(store, otuOf(reference));
  await insertOtu(store, otuOf(other));
  const foreign = await build(other);
  await publish(foreign._id);
  const indexes: IndexDocument[] = [];
  for (let n = 0; n < 3; n += 1) {
    await editOtu(store, otu._id, rename);
    indexes.push(await build(reference));
    if (n < 2) await publish(indexes[n]!._id);
  }
  await editOtu(store, otu._id, rename);
  const analysis = { _id: randomId(), ready: false, reference: { id: reference }, index: { id: indexes[1]!._id } };
  await store.database.db.collection<{ _id: string }>('analyses').insertOne(analysis);
  expect(await publish(indexes[2]!._id)).toBe(true);
  const stored = await store.indexBuilds.collection.find({ 'reference.id': reference }).sort({ version: 1 }).toArray();
  expect(stored.map(({ ready, has_files, version }) => ({ ready, has_files, version }))).toEqual([
    { ready: true, has_files: false, version: 0 },
    { ready: true, has_files: true, version: 1 },
    { ready: true, has_files: true, version: 2 },
  ]);
  expect(await store.otus.get(otu._id)).toMatchObject({ version: 4, last_indexed_version: 3 });
  expect((await store.indexBuilds.get(foreign._id))?.has_files).toBe(true);
  const active = [indexes[1]!._id, indexes[2]!._id].sort();
  expect(await store.indexBuilds.activeIndexIds(reference)).toEqual(active);
  expect(await publish('unknown')).toBe(false);
});

test('discarding gives the changes back and frees the version; a finished index is not discarded', async () => {
  const reference = randomId();
  await insertOtu(store, otuOf(reference));
  const failed = await build(reference);
  expect(await store.indexBuilds.setSequenceOtuMap(failed._id, { s: 'o' })).toBe(true);
  expect(await store.indexBuilds.discard(failed._id)).toBe(true);
  expect(await store.indexBuilds.discard(failed._id)).toBe(false);
  expect(Object.values(await tags(reference))).toEqual(['unbuilt']);
  expect(await store.indexBuilds.setSequenceOtuMap(failed._id, {})).toBe(false);
  const next = await build(reference);
  expect(next.version).toBe(0);
  await publish(next._id);
  expect(await store.indexBuilds.discard(next._id)).toBe(false);
  expect(Object.values(await tags(reference))).toEqual([next._id]);
});

// Both look at what the other has not written yet, and the files of an index without a user go at once.
test('an analysis that starts while an index is published uses one that keeps its files', async () => {
  const { database, analyses, indexBuilds } = store;
  await database.collection<{ _id: string }>('samples').insertOne({ _id: 'sample' });
  const input = { algorithm: 'nuvs' as const, sample: { id: 'sample', name: 'S' }, userId: 'bob', cost };
  for (let round = 0; round < 5; round += 1) {
    const reference = randomId();
    const otu = await insertOtu(store, otuOf(reference));
    const { _id, version } = await build(reference);
    await publish(_id);
    await editOtu(store, otu._id, rename);
    const next = await build(reference);
    const chosen = { ...input, reference: { id: reference, name: 'R' }, index: { id: _id, version } };
    const [started] = await Promise.all([
      Promise.all(Array.from({ length: 4 }, () => analyses.create(chosen))),
      publish(next._id),
    ]);
    for (const made of [...started, await analyses.create(chosen)]) {
      const used = await indexBuilds.get(made!.analysis.index.id);
      expect(used).toMatchObject({ has_files: true, version: made!.analysis.index.version });
      expect(made!.job.args).toHaveProperty('index_id', used!._id);
    }
  }
});
