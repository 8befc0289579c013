import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Laboratory, laboratory } from '../../support/laboratory.js';

let lab: Laboratory;
beforeAll(async () => {
  lab = await laboratory({ anna: {} });
});
afterAll(() => lab.dispose());

// Databases of 3.7.3 hold the whole path of an imported file.
test('processes are listed oldest first, failed ones with their errors, none with a server path', async () => {
  const old = { type: 'import_reference', step: 'validate', progress: 0, count: 0, complete: false, resumable: false };
  const errors = [{ id: 'duplicate_ids', message: 'Duplicate OTU ids found', duplicates: ['a'] }];
  const context = { path: '/srv/virtool/files/abc-a.json.gz', ref_id: 'r', user_id: 'bob' };
  await lab.store.processes.collection.insertMany([
    { ...old, _id: 'p2', created_at: new Date(2), context: {}, resumable: false },
    { ...old, _id: 'p1', created_at: new Date(1), context, errors, resumable: false },
  ]);
  const { body } = await lab.send('head', 'GET', '/api/processes');
  expect(body.map((process: { id: string }) => process.id)).toEqual(['p1', 'p2']);
  expect(body[0]).toMatchObject({ errors, context: { path: 'files/abc-a.json.gz' } });
  expect((await lab.send('head', 'GET', '/api/processes/p1')).body).toEqual(body[0]);
  expect((await lab.send('head', 'GET', '/api/processes/unknown1')).status).toBe(404);
});

test('the list leaves out manifests and ids of OTUs, which a single process shows', async () => {
  const context = { ref_id: 'r', user_id: 'bob', manifest: { otu: 3 }, inserted_otu_ids: ['a'] };
  const process = { type: 'clone_reference', step: 'copy_otus', progress: 1, count: 0, complete: true };
  await lab.store.processes.collection.insertOne({
    ...{ ...process, _id: 'p3', created_at: new Date(3), context, resumable: false },
  });
  const { body } = await lab.send('head', 'GET', '/api/processes');
  expect(body.at(-1)).toMatchObject({ id: 'p3', context: { ref_id: 'r', user_id: 'bob' } });
  expect(Object.keys(body.at(-1).context)).toEqual(['ref_id', 'user_id']);
  expect((await lab.send('head', 'GET', '/api/processes/p3')).body.context).toEqual(context);
  await lab.store.processes.collection.deleteOne({ _id: 'p3' });
});

test('processes that an old release left unfinished are not taken for running ones', async () => {
  expect(await lab.store.processes.isRunning('p2')).toBe(false);
  expect(await lab.store.processes.unfinished()).toEqual([]);
});
