import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { type Laboratory, laboratory } from '../../support/laboratory.js';
import { referenceOf } from '../../support/references.js';

let lab: Laboratory;
let referenceId: string;
let otuId: string;
beforeAll(async () => {
  lab = await laboratory({ bob: {} });
});
beforeEach(async () => {
  const reference = referenceOf({ source_types: ['Isolate', 'STRAIN'] });
  await lab.store.references.insert(reference);
  referenceId = reference._id;
  otuId = (await bob('POST', `/api/refs/${referenceId}/otus`, { name: 'A virus' })).body.id;
});
afterAll(() => lab.dispose());

const bob = (method: string, path: string, body?: unknown) => lab.send('bob', method, path, body);
const add = (body: unknown) => bob('POST', `/api/otus/${otuId}/isolates`, body);
const at = (isolateId: string, rest = '') => `/api/otus/${otuId}/isolates/${isolateId}${rest}`;
const list = async () => (await bob('GET', `/api/otus/${otuId}/isolates`)).body;
const version = async () => (await bob('GET', `/api/otus/${otuId}`)).body.version;
const restrict = (on: boolean) => bob('PATCH', `/api/refs/${referenceId}`, { restrict_source_types: on });
const NOT_ALLOWED = { status: 400, body: { id: 'bad_request', message: 'Source type is not allowed' } };

test('an isolate is added with its type in lower case, the first one as default', async () => {
  const { status, headers, body } = await add({ source_type: 'Isolate', source_name: ' 8816-v2 ' });
  expect(status).toBe(201);
  expect(headers.get('Location')).toBe(at(body.id));
  expect(body).toEqual({
    id: body.id,
    source_type: 'isolate',
    source_name: '8816-v2',
    default: true,
    sequences: [],
  });
  expect((await add({ source_type: null, source_name: 'N', default: null })).body).toMatchObject({
    source_type: '',
    default: false,
  });
  expect((await add({})).body).toMatchObject({ source_type: '', source_name: '', default: false });
  expect((await list())[0]).toEqual(body);
  expect((await bob('GET', at(body.id))).body).toEqual(body);
  expect((await add({ source_name: 4, default: 'yes' })).body.errors).toEqual({
    source_name: ['must be of string type'],
    default: ['must be of boolean type'],
  });
});

test('only allowed source types are taken where they are restricted, by one rule for adding and editing', async () => {
  const { body } = await add({ source_type: 'culture', source_name: 'Q' });
  await restrict(true);
  for (const type of ['strain', 'ISOLATE', 'unknown', 'Unknown', '']) {
    expect((await add({ source_type: type, source_name: 'A' })).status).toBe(201);
    expect((await bob('PATCH', at(body.id), { source_type: type })).body.source_type).toBe(type.toLowerCase());
  }
  expect(await add({ source_type: 'culture', source_name: 'Q' })).toMatchObject(NOT_ALLOWED);
  expect(await bob('PATCH', at(body.id), { source_type: 'culture' })).toMatchObject(NOT_ALLOWED);
  expect((await bob('PATCH', at(body.id), { source_name: 'Renamed' })).status).toBe(200);
});

test('an isolate is edited where something differs', async () => {
  const { body } = await add({ source_type: 'isolate', source_name: 'A' });
  const same = await bob('PATCH', at(body.id), { source_type: 'ISOLATE', source_name: ' A ' });
  expect(same).toMatchObject({ status: 200, body });
  expect(await version()).toBe(1);
  const edited = await bob('PATCH', at(body.id), { source_name: 'B' });
  expect(edited).toMatchObject({ status: 200, body: { ...body, source_name: 'B' } });
  expect(await version()).toBe(2);
});

test('the default isolate is chosen, and followed by the first one when it is removed', async () => {
  const ids = [];
  for (const source_name of ['A', 'B', 'C']) ids.push((await add({ source_type: 'isolate', source_name })).body.id);
  const chosen = await bob('PUT', at(ids[1], '/default'));
  expect(chosen).toMatchObject({ status: 200, body: { id: ids[1], default: true, sequences: [] } });
  expect(await version()).toBe(4);
  expect((await bob('PUT', at(ids[1], '/default'))).status).toBe(200);
  expect(await version()).toBe(4);
  expect(await bob('DELETE', at(ids[1]))).toMatchObject({ status: 204, body: '' });
  expect((await list()).map((one: { id: string; default: boolean }) => [one.id, one.default])).toEqual([
    [ids[0], true],
    [ids[2], false],
  ]);
});

test('an isolate goes with its sequences', async () => {
  const { body } = await add({ source_type: 'isolate', source_name: 'A' });
  await bob('POST', at(body.id, '/sequences'), { accession: 'A', definition: 'D', sequence: 'ACGT' });
  expect((await bob('GET', `/api/otus/${otuId}`)).body.verified).toBe(true);
  await bob('DELETE', at(body.id));
  expect(await lab.store.sequences.collection.countDocuments({ otu_id: otuId })).toBe(0);
  expect((await bob('GET', `/api/otus/${otuId}`)).body).toMatchObject({ verified: false, issues: { empty_otu: true } });
});

test('what is not there is not found', async () => {
  expect((await bob('GET', '/api/otus/unknown1/isolates')).status).toBe(404);
  expect((await bob('POST', '/api/otus/unknown1/isolates', {})).status).toBe(404);
  for (const [method, rest] of [
    ['GET', ''],
    ['PATCH', ''],
    ['DELETE', ''],
    ['PUT', '/default'],
    ['GET', '/sequences'],
    ['GET', '/sequences/unknown1'],
  ] as const) {
    expect((await bob(method, at('zz9', rest), method === 'PATCH' ? {} : undefined)).status).toBe(404);
  }
});
