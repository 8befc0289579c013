import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createIndexFiles } from '../../../src/files/index_files.js';
import { randomId } from '../../../src/store/database/ids.js';
import { createStore, type Store } from '../../../src/store/index.js';
import type { IndexDocument } from '../../../src/store/indexes/index_builds.js';
import { editOtu, insertOtu, otuOf } from '../../support/references.js';
import { type TestStore, testStore } from '../../support/store.js';

let context: TestStore;
/** The same database with every manifest and map in files. */
let store: Store;
beforeAll(async () => {
  context = await testStore();
  store = createStore(context.store.database, createIndexFiles(context.data, 0));
});
afterAll(() => context?.dispose());

const cost = { proc: 1, mem: 1 };
const folderOf = (index: IndexDocument) => context.data.index(index.reference.id, index._id);
const contentOf = async (index: IndexDocument, part: string) =>
  JSON.parse(await readFile(join(folderOf(index), `${part}.json`), 'utf8'));

async function build(referenceId: string): Promise<IndexDocument> {
  const outcome = await store.indexBuilds.create({ referenceId, userId: 'bob', cost });
  if (!outcome.ok) throw new Error(outcome.reason);
  return outcome.index;
}

const publish = (index: IndexDocument) =>
  store.database.transaction((session) => store.indexBuilds.publish(index._id, session));

test('a large manifest and map lie in files, and whoever asks gets them', async () => {
  const reference = randomId();
  const otu = await insertOtu(store, otuOf(reference));
  const index = await build(reference);
  await store.indexBuilds.setSequenceOtuMap(index._id, { sequence: otu._id });
  const stored = (await store.indexBuilds.get(index._id)) as IndexDocument;
  expect(stored).toMatchObject({ manifest: 'file', sequence_otu_map: 'file' });
  expect((await store.jobs.get(index.job.id))?.args.manifest).toBe('file');
  expect(await contentOf(index, 'manifest')).toEqual({ [otu._id]: 0 });
  expect(Object.keys(await contentOf(index, 'checksums'))).toEqual(['manifest.json', 'sequence_otu_map.json']);
  expect(await store.indexBuilds.manifestOf(stored)).toEqual({ [otu._id]: 0 });
  expect(await store.indexBuilds.sequenceOtuMapOf(stored)).toEqual({ sequence: otu._id });
  await editOtu(store, otu._id, (one) => {
    one.name = 'Another name';
  });
  const found: unknown[] = [];
  for await (const one of store.indexBuilds.otusOfManifest(index._id)) found.push(one);
  expect(found).toEqual([otu]);
  expect(await publish(index)).toBe(true);
  expect(await store.otus.get(otu._id)).toMatchObject({ version: 1, last_indexed_version: 0 });
});

test('a lost file is told by name; a lost map is as none', async () => {
  const reference = randomId();
  await insertOtu(store, otuOf(reference));
  const index = await build(reference);
  await store.indexBuilds.setSequenceOtuMap(index._id, { sequence: 'otu' });
  await rm(folderOf(index), { recursive: true });
  const stored = (await store.indexBuilds.get(index._id)) as IndexDocument;
  await expect(store.indexBuilds.manifestOf(stored)).rejects.toThrow(`manifest of index ${index._id} is missing`);
  expect(await store.indexBuilds.sequenceOtuMapOf(stored)).toBeUndefined();
});

test('of many requests at once one starts a build, and the files of the others are gone', async () => {
  const reference = randomId();
  for (let n = 0; n < 5; n += 1) await insertOtu(store, otuOf(reference));
  const builds = Array.from({ length: 6 }, () =>
    store.indexBuilds.create({ referenceId: reference, userId: 'bob', cost }),
  );
  const outcomes = await Promise.all(builds);
  const started = outcomes.flatMap((one) => (one.ok ? [one.index._id] : []));
  expect(started).toHaveLength(1);
  expect(await readdir(context.data.reference(reference))).toEqual(started);
});

// 29 bytes of BSON for each sequence of a map, and 14 for each OTU of a manifest.
test('an index of 400,000 OTUs with a sequence each is stored, which no document could hold', {
  timeout: 60_000,
}, async () => {
  const reference = { id: randomId() };
  const id = (n: number) => n.toString(36).padStart(8, '0');
  const numbers = Array.from({ length: 400_000 }, (_, n) => n);
  const manifest = Object.fromEntries(numbers.map((n) => [id(n), 0]));
  const map = Object.fromEntries(numbers.map((n) => [`seq_${id(n)}.1`, id(n)]));
  const indexId = randomId();
  await store.indexBuilds.collection.insertOne({
    ...{ _id: indexId, version: 0, created_at: new Date(), manifest, ready: false, has_files: true },
    ...{ job: { id: 'job' }, reference, user: { id: 'bob' } },
  });
  const withoutFiles = createStore(store.database).indexBuilds;
  await expect(withoutFiles.setSequenceOtuMap(indexId, map)).rejects.toThrow(/large|size|exceed/i);
  expect(await context.store.indexBuilds.setSequenceOtuMap(indexId, map)).toBe(true);
  const index = (await context.store.indexBuilds.get(indexId)) as IndexDocument;
  expect(index.sequence_otu_map).toBe('file');
  const read = await context.store.indexBuilds.sequenceOtuMapOf(index);
  expect(JSON.stringify(read) === JSON.stringify(map)).toBe(true);
});
