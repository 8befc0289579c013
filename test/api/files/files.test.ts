import { rm, stat } from 'node:fs/promises';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { type Laboratory, laboratory } from '../../support/laboratory.js';

let lab: Laboratory;
beforeAll(async () => {
  lab = await laboratory({ fred: { permissions: ['upload_file'] } });
});
afterAll(() => lab.dispose());
beforeEach(async () => {
  await lab.store.files.collection.deleteMany({});
});

const remove = (fileId: string, user = 'head') => lab.send(user, 'DELETE', `/api/files/${encodeURIComponent(fileId)}`);

test('an empty list has the counts of the wire', async () => {
  const { status, body } = await lab.send('anna', 'GET', '/api/files');
  expect(status).toBe(200);
  expect(body).toEqual({ documents: [], total_count: 0, found_count: 0, page_count: 0, per_page: 25, page: 1 });
});

test('the list shows whole, free files of a type, newest first and page by page', async () => {
  for (const name of ['a.fq', 'b.fq', 'c.fq', 'taken.fq', 'partial.fq'])
    await lab.upload('reads', name, 'ACGT', 'fred');
  await lab.upload('subtraction', 'host.fa');
  await lab.store.files.collection.updateOne({ name: 'taken.fq' }, { $set: { reserved: true } });
  await lab.store.files.collection.updateOne({ name: 'partial.fq' }, { $set: { ready: false } });
  for (const [days, name] of ['c.fq', 'a.fq', 'b.fq'].entries()) {
    await lab.store.files.collection.updateOne({ name }, { $set: { uploaded_at: new Date(2020, 1, days + 1) } });
  }
  const all = await lab.send('anna', 'GET', '/api/files');
  expect(all.body.documents.map(({ name }: { name: string }) => name)).toEqual(['host.fa', 'b.fq', 'a.fq', 'c.fq']);
  const { body } = await lab.send('anna', 'GET', '/api/files?type=reads&per_page=2&page=2');
  expect(body).toMatchObject({ total_count: 3, found_count: 3, page_count: 2, per_page: 2, page: 2 });
  expect(body.documents).toEqual([
    {
      id: expect.stringMatching(/-c\.fq$/),
      name: 'c.fq',
      type: 'reads',
      user: { id: 'fred' },
      uploaded_at: expect.any(String),
      ready: true,
      reserved: false,
      size: 4,
    },
  ]);
});

test('a removed file is gone from the list and from disk', async () => {
  const fileId = await lab.upload('hmm', 'profiles one.hmm');
  expect(await remove(fileId)).toMatchObject({ status: 200, body: { file_id: fileId, removed: true } });
  await expect(stat(lab.data.file(fileId))).rejects.toThrow('ENOENT');
  expect((await remove(fileId)).status).toBe(404);
});

test('a file that is missing on disk can be removed', async () => {
  const fileId = await lab.upload('hmm', 'a.hmm');
  await rm(lab.data.file(fileId));
  expect((await remove(fileId)).status).toBe(200);
});

test('a file that a job needs stays', async () => {
  const fileId = await lab.upload('reads', 'a.fq');
  await lab.store.files.collection.updateOne({ _id: fileId }, { $set: { reserved: true } });
  expect(await remove(fileId)).toMatchObject({ status: 409, body: { id: 'conflict' } });
  expect((await stat(lab.data.file(fileId))).isFile()).toBe(true);
  await lab.store.files.releaseFromAll([fileId]);
  expect((await remove(fileId)).status).toBe(200);
});

// The old server deleted the file on disk even when no document had that id.
test('an id that leads out of the folder is just unknown', async () => {
  const fileId = await lab.upload('reads', 'a.fq');
  expect(await remove(`../files/${fileId}`)).toMatchObject({ status: 404, body: { id: 'not_found' } });
  expect((await stat(lab.data.file(fileId))).isFile()).toBe(true);
});

test('removing needs the permission', async () => {
  const fileId = await lab.upload('reads', 'a.fq');
  expect((await remove(fileId, 'fred')).status).toBe(403);
});
