import { rm } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { randomId } from '../../../src/store/database/ids.js';
import { newProcess } from '../../../src/store/processes.js';
import { type Laboratory, laboratory } from '../../support/laboratory.js';
import { editOtu, insertOtu, otuOf, referenceOf } from '../../support/references.js';

let lab: Laboratory;
let filing: Laboratory;
beforeAll(async () => {
  lab = await laboratory({ anna: {}, bob: {} });
  filing = await laboratory({ bob: {} }, { largestInDocument: 0 });
});
afterAll(async () => {
  await lab?.dispose();
  await filing?.dispose();
});

const get = (path: string) => lab.send('bob', 'GET', path);
const build = (referenceId: string, user = 'bob') => lab.send(user, 'POST', `/api/refs/${referenceId}/indexes`);
const publish = (indexId: string) =>
  lab.database.transaction((session) => lab.store.indexBuilds.publish(indexId, session));

async function addReference(changes: Parameters<typeof referenceOf>[0] = {}): Promise<string> {
  const reference = referenceOf(changes);
  await lab.store.references.insert(reference);
  return reference._id;
}

test('a build answers with the index and starts its job with the limits of small jobs', async () => {
  const referenceId = await addReference();
  const otu = await insertOtu(lab.store, otuOf(referenceId));
  const answer = await build(referenceId);
  expect(answer.status).toBe(201);
  expect(answer.headers.get('Location')).toBe(`/api/indexes/${answer.body.id}`);
  expect(answer.body).toEqual({
    id: expect.any(String),
    version: 0,
    created_at: expect.any(String),
    manifest: { [otu._id]: 0 },
    ready: false,
    has_files: true,
    job: { id: expect.any(String) },
    reference: { id: referenceId },
    user: { id: 'bob' },
  });
  const job = await lab.store.jobs.get(answer.body.job.id);
  const started = lab.started.at(-1);
  expect(started).toMatchObject({ workflowType: 'build_index', workflowId: `job-${job?._id}` });
  expect(JSON.stringify(started)).not.toContain(otu._id);
});

test('a build is refused in the order of the contract', async () => {
  const referenceId = await addReference();
  expect((await build('unknown1', 'anna')).status).toBe(404);
  expect((await build(referenceId, 'anna')).body.id).toBe('insufficient_rights');
  expect((await build(referenceId)).body.message).toBe('There are no unbuilt changes');
  const otu = await insertOtu(lab.store, otuOf(referenceId, { isolates: [], verified: false }));
  expect((await build(referenceId)).body).toEqual({ id: 'bad_request', message: 'There are unverified OTUs' });
  await editOtu(lab.store, otu._id, (one) => {
    one.isolates = otuOf(referenceId, { _id: otu._id }).isolates;
  });
  expect((await build(referenceId)).status).toBe(201);
  expect((await build(referenceId)).body).toEqual({ id: 'conflict', message: 'Index build already in progress' });
});

test('no index is built of a reference that is still being filled', async () => {
  const process = newProcess(randomId(), 'import_reference', {});
  await lab.database.transaction((session) => lab.store.processes.insert(process, session));
  const referenceId = await addReference({ process: { id: process._id } });
  await insertOtu(lab.store, otuOf(referenceId));
  expect((await build(referenceId)).status).toBe(409);
  await lab.store.processes.complete(process._id, 'create_history');
  expect((await build(referenceId)).status).toBe(201);
});

test('lists show indexes with the counts of their changes, and those of unbuilt ones', async () => {
  const referenceId = await addReference({ name: 'Listed' });
  const otu = await insertOtu(lab.store, otuOf(referenceId));
  await insertOtu(lab.store, otuOf(referenceId));
  const path = `/api/refs/${referenceId}/indexes`;
  expect((await get(path)).body).toMatchObject({
    documents: [],
    total_otu_count: 2,
    change_count: 2,
    modified_otu_count: 2,
  });
  const first = (await build(referenceId)).body;
  await publish(first.id);
  for (let n = 0; n < 3; n += 1) {
    await editOtu(lab.store, otu._id, (one) => {
      one.name = `Name ${n}`;
    });
  }
  const second = (await build(referenceId)).body;
  const { body } = await get(path);
  expect(body.documents).toEqual([
    { ...withoutManifest(second), change_count: 3, modified_otu_count: 1 },
    { ...withoutManifest(first), ready: true, change_count: 2, modified_otu_count: 2 },
  ]);
  expect(body).toMatchObject({ total_count: 2, total_otu_count: 2, change_count: 0, modified_otu_count: 0 });
  const newest = { id: first.id, version: 0, reference: { id: referenceId, name: 'Listed' } };
  expect((await get('/api/indexes?ready=true')).body).toContainEqual(newest);
  expect((await get('/api/indexes?ready=false')).body.documents.length).toBeGreaterThan(1);
  await publish(second.id);
  const ready = (await get('/api/indexes?ready=true')).body;
  expect(ready).toContainEqual({ ...newest, id: second.id, version: 1 });
  expect(ready).not.toContainEqual(newest);
  expect((await get('/api/refs/unknown1/indexes')).status).toBe(404);
});

function withoutManifest({ manifest: _, ...index }: Record<string, unknown>) {
  return index;
}

test('an index is shown with its manifest, changed OTUs and contributors, without the map of sequences', async () => {
  const referenceId = await addReference();
  const zebra = await insertOtu(lab.store, otuOf(referenceId, { name: 'Zebra plant virus' }));
  const apple = await insertOtu(lab.store, otuOf(referenceId, { name: 'Apple virus' }));
  await editOtu(lab.store, zebra._id, (otu) => {
    otu.name = 'Banana virus';
  });
  const { body: index } = await build(referenceId);
  await lab.store.indexBuilds.setSequenceOtuMap(index.id, { s: 'o' });
  const { body } = await get(`/api/indexes/${index.id}`);
  expect(body).toEqual({
    ...index,
    contributors: [{ id: 'bob', count: 3 }],
    otus: [
      { id: apple._id, name: 'Apple virus', change_count: 1 },
      { id: zebra._id, name: 'Zebra plant virus', change_count: 2 },
    ],
    change_count: 3,
  });
  expect((await get('/api/indexes/unknown1')).status).toBe(404);

  const history = await get(`/api/indexes/${index.id}/history?term=ZEBRA`);
  expect(history.body).toMatchObject({ total_count: 3, found_count: 2 });
  expect(history.body.documents.map((change: { id: string }) => change.id)).toEqual([
    `${zebra._id}.1`,
    `${zebra._id}.0`,
  ]);
  expect((await get('/api/indexes/unknown1/history')).status).toBe(404);
});

test('an index with a manifest in a file is shown as any other, and refused when the file is gone', async () => {
  const reference = referenceOf();
  await filing.store.references.insert(reference);
  const otu = await insertOtu(filing.store, otuOf(reference._id));
  const { status, body: index } = await filing.send('bob', 'POST', `/api/refs/${reference._id}/indexes`);
  expect({ status, manifest: index.manifest }).toEqual({ status: 201, manifest: { [otu._id]: 0 } });
  expect(await filing.store.indexBuilds.get(index.id)).toMatchObject({ manifest: 'file' });
  const shown = await filing.send('bob', 'GET', `/api/indexes/${index.id}`);
  expect(shown.body).toMatchObject({ ...index, change_count: 1 });
  const history = await filing.send('bob', 'GET', `/api/indexes/${index.id}/history`);
  expect(history.body.documents).toMatchObject([{ otu: { id: otu._id } }]);
  await rm(filing.deps.files.index(reference._id, index.id), { recursive: true });
  const lost = await filing.send('bob', 'GET', `/api/indexes/${index.id}`);
  expect(lost).toMatchObject({ status: 409, body: { message: expect.stringContaining('is missing') } });
});
