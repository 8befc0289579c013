import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Laboratory, laboratory } from '../../support/laboratory.js';
import { editOtu, insertOtu, otuOf, referenceOf, removeOtu } from '../../support/references.js';

let lab: Laboratory;
beforeAll(async () => {
  lab = await laboratory({ anna: {} });
});
afterAll(() => lab.dispose());

const get = (path: string) => lab.send('bob', 'GET', path);
const ids = (body: { documents: { id: string }[] }) => body.documents.map((change) => change.id);

test('changes are listed without diffs, removals first, then by version; built and unbuilt ones apart', async () => {
  const reference = referenceOf();
  await lab.store.references.insert(reference);
  const first = await insertOtu(lab.store, otuOf(reference._id));
  const second = await insertOtu(lab.store, otuOf(reference._id));
  await lab.store.history.collection.updateMany({ 'otu.id': second._id }, { $set: { index: { id: 'i', version: 0 } } });
  await editOtu(lab.store, second._id, (otu) => {
    otu.name = 'New';
  });
  await removeOtu(lab.store, first._id);
  const path = `/api/refs/${reference._id}/history`;
  const { body } = await get(path);
  expect(ids(body)).toEqual([`${first._id}.removed`, `${second._id}.1`, `${second._id}.0`, `${first._id}.0`]);
  expect(body.documents[0]).not.toHaveProperty('diff');
  expect(ids((await get(`${path}?unbuilt=false`)).body)).toEqual([`${second._id}.0`]);
  expect(ids((await get(`${path}?unbuilt=true&per_page=1`)).body)).toEqual([`${first._id}.removed`]);
  expect((await get(`${path}?unbuilt=maybe`)).body.total_count).toBe(4);
  expect(ids((await get('/api/history')).body)).toEqual(ids(body));
  expect((await get('/api/refs/unknown1/history')).status).toBe(404);
});

test('a change is shown with its diff', async () => {
  const reference = referenceOf();
  await lab.store.references.insert(reference);
  const otu = await insertOtu(lab.store, otuOf(reference._id));
  const { body } = await get(`/api/history/${otu._id}.0`);
  expect(body).toMatchObject({
    id: `${otu._id}.0`,
    diff: { _id: otu._id },
    index: { id: 'unbuilt', version: 'unbuilt' },
  });
  expect((await get('/api/history/unknown1.0')).status).toBe(404);
});
