import { mkdir, readdir, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { syncFiles } from '../../src/files/sync.js';
import { type TestStore, testStore } from '../support/store.js';

const HOUR_MS = 60 * 60_000;

let site: TestStore;
beforeEach(async () => {
  site = await testStore();
});
afterEach(() => site.dispose());

const sync = () => syncFiles(site.data, site.store.files);
const onDisk = async () => (await readdir(site.data.files)).sort();
const documents = async () => (await site.store.files.collection.find().toArray()).map(({ _id }) => _id).sort();

async function put(name: string, ageMs: number): Promise<void> {
  await writeFile(join(site.data.files, name), 'bytes');
  const changed = new Date(Date.now() - ageMs);
  await utimes(join(site.data.files, name), changed, changed);
}

async function addFile(name: string, state: 'announced' | 'whole'): Promise<string> {
  const { _id } = await site.store.files.insert({ name, type: 'reads', userId: 'bob' });
  if (state === 'whole') await site.store.files.publish(_id, 5);
  return _id;
}

test('a document goes whose file was on disk and is not any more, even when a job has taken it', async () => {
  await put('thesis.docx', 0);
  const lost = await addFile('lost.fq', 'whole');
  const taken = await addFile('taken.fq', 'whole');
  await site.store.files.collection.updateOne({ _id: taken }, { $set: { reserved: true } });
  const announced = await addFile('announced.fq', 'announced');
  const kept = await addFile('kept.fq', 'whole');
  await put(kept, 0);
  expect(await sync()).toEqual({ lost: [lost, taken].sort(), unknown: [], isEmpty: false });
  expect(await documents()).toEqual([announced, kept].sort());
});

// With a wrong data path, the folder may be full of other people's files.
test('a file without a document goes when it is an hour old and has the form of an id; nothing else goes', async () => {
  const kept = await addFile('kept.fq', 'whole');
  await put(kept, 100 * HOUR_MS);
  const announced = await addFile('announced.fq', 'announced');
  await put(announced, 100 * HOUR_MS);
  const others = [
    'thesis.docx',
    'ABCDEFGH-x.fq',
    'abc-x.fq',
    'abcdefgh-',
    'abcdefghi.fq',
    '.abcdefgh-x.fq',
    'abcdefgh_x.fq',
  ];
  for (const name of others) await put(name, 100 * HOUR_MS);
  await put('aaaaaaaa-young.fq', 0.9 * HOUR_MS);
  await mkdir(join(site.data.files, 'bbbbbbbb-folder'));
  await symlink(join(site.data.files, 'thesis.docx'), join(site.data.files, 'cccccccc-link.fq'));
  await mkdir(join(site.data.files, '.incoming'));
  await put('.incoming/dddddddd-part.fq', 100 * HOUR_MS);
  const before = await onDisk();
  await put('00000000-old.fq', 1.1 * HOUR_MS);
  await put('eeeeeeee-old reads (1).fq.gz', 100 * HOUR_MS);
  expect(await sync()).toEqual({
    lost: [],
    unknown: ['00000000-old.fq', 'eeeeeeee-old reads (1).fq.gz'],
    isEmpty: false,
  });
  expect(await onDisk()).toEqual(before);
  expect(await readdir(join(site.data.files, '.incoming'))).toEqual(['dddddddd-part.fq']);
  expect(await documents()).toEqual([announced, kept].sort());
});

// A volume that is not mounted must not cost the documents, and with them the files when it is back.
test('an empty folder costs no document, and no folder is a fault', async () => {
  const kept = await addFile('kept.fq', 'whole');
  expect(await sync()).toEqual({ lost: [], unknown: [], isEmpty: true });
  await rm(site.data.files, { recursive: true });
  await expect(sync()).rejects.toThrow('ENOENT');
  expect(await documents()).toEqual([kept]);
});

test('a laboratory without files is in step', async () => {
  expect(await sync()).toEqual({ lost: [], unknown: [], isEmpty: false });
});
