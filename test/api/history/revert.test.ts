import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Laboratory, laboratory } from '../../support/laboratory.js';
import { referenceOf } from '../../support/references.js';

let lab: Laboratory;
beforeAll(async () => {
  lab = await laboratory({ bob: {} });
});
afterAll(() => lab.dispose());

const bob = (method: string, path: string, body?: unknown) => lab.send('bob', method, path, body);

async function addOtu(name = 'A virus'): Promise<{ referenceId: string; otuId: string }> {
  const reference = referenceOf();
  await lab.store.references.insert(reference);
  const { body } = await bob('POST', `/api/refs/${reference._id}/otus`, { name });
  await bob('PATCH', `/api/otus/${body.id}`, { abbreviation: 'AV' });
  await bob('PATCH', `/api/otus/${body.id}`, { name: 'Other virus' });
  return { referenceId: reference._id, otuId: body.id };
}

test('a revert takes the change and all later ones back', async () => {
  const { otuId } = await addOtu();
  expect(await bob('DELETE', `/api/history/${otuId}.1`)).toMatchObject({ status: 204, body: '' });
  expect((await bob('GET', `/api/otus/${otuId}`)).body).toMatchObject({
    name: 'A virus',
    abbreviation: '',
    version: 0,
    most_recent_change: { id: `${otuId}.0` },
  });
  expect((await bob('DELETE', `/api/history/${otuId}.2`)).status).toBe(404);
  expect((await bob('DELETE', `/api/history/${otuId}.0`)).status).toBe(204);
  expect((await bob('GET', `/api/otus/${otuId}`)).status).toBe(404);
});

test('a removed OTU comes back, unless its name is taken', async () => {
  const { referenceId, otuId } = await addOtu();
  const { body: before } = await bob('GET', `/api/otus/${otuId}`);
  await bob('DELETE', `/api/otus/${otuId}`);
  const { body: other } = await bob('POST', `/api/refs/${referenceId}/otus`, { name: 'Other virus' });
  expect(await bob('DELETE', `/api/history/${otuId}.removed`)).toMatchObject({
    status: 409,
    body: { id: 'conflict', message: 'Name already exists' },
  });
  await bob('DELETE', `/api/otus/${other.id}`);
  expect((await bob('DELETE', `/api/history/${otuId}.removed`)).status).toBe(204);
  expect((await bob('GET', `/api/otus/${otuId}`)).body).toEqual(before);
});

test('a built change is refused', async () => {
  const { otuId } = await addOtu();
  const index = { id: 'index001', version: 0 };
  await lab.store.history.collection.updateMany({ 'otu.id': otuId }, { $set: { index } });
  expect(await bob('DELETE', `/api/history/${otuId}.2`)).toMatchObject({
    status: 409,
    body: { id: 'conflict', message: 'Change is already built' },
  });
});
