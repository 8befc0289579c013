import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { type Laboratory, laboratory } from '../../support/laboratory.js';
import { referenceOf } from '../../support/references.js';

let lab: Laboratory;
let otuId: string;
let isolateId: string;
let base: string;
beforeAll(async () => {
  lab = await laboratory({ bob: {}, anna: {} });
});
beforeEach(async () => {
  ({ otuId, isolateId } = await addIsolate('bob'));
  base = `/api/otus/${otuId}/isolates/${isolateId}/sequences`;
});
afterAll(() => lab.dispose());

const FIELDS = { accession: 'KX269872.1', definition: 'Prunus virus F RNA2', host: 'sweet cherry', sequence: 'ACGT' };
const bob = (method: string, path: string, body?: unknown) => lab.send('bob', method, path, body);
const add = (changes: Record<string, unknown> = {}) => bob('POST', base, { ...FIELDS, ...changes });
const version = async () => (await bob('GET', `/api/otus/${otuId}`)).body.version;

async function addIsolate(user: string) {
  const rights = { build: true, modify: true, modify_otu: true, remove: true };
  const reference = referenceOf({ users: [{ id: user, ...rights }] });
  await lab.store.references.insert(reference);
  const schema = [{ name: 'RNA1' }, { name: 'RNA2' }];
  const otu = await lab.send(user, 'POST', `/api/refs/${reference._id}/otus`, { name: 'A virus', schema });
  const isolate = await lab.send(user, 'POST', `/api/otus/${otu.body.id}/isolates`, { source_name: 'A' });
  return { referenceId: reference._id, otuId: otu.body.id as string, isolateId: isolate.body.id as string };
}

test('a sequence is added and shown in one and the same form', async () => {
  const { status, headers, body } = await add({ accession: ' KX269872.1 ', segment: 'RNA1' });
  expect(status).toBe(201);
  expect(headers.get('Location')).toBe(`${base}/${body.id}`);
  expect(body).toEqual({
    id: body.id,
    ...FIELDS,
    segment: 'RNA1',
    otu_id: otuId,
    isolate_id: isolateId,
    reference: { id: expect.any(String) },
  });
  expect((await bob('GET', `${base}/${body.id}`)).body).toEqual(body);
  expect((await bob('GET', base)).body).toEqual([body]);
  expect((await add({ host: null })).body).toMatchObject({ host: '', segment: null });
});

test('bases are stored in upper case without white space; other characters than those of IUPAC are refused', async () => {
  expect((await add({ sequence: ' acgt\r\n\tRYswkmBDHVNu \n' })).body.sequence).toBe('ACGTRYSWKMBDHVNT');
  const errors = async (sequence: unknown) => (await add({ sequence })).body.errors;
  expect(await errors('AC-GT>!!')).toEqual({
    sequence: ['holds characters that are not IUPAC nucleotide codes: - > ! (the first one at base 3)'],
  });
  expect(await errors(' \n\t ')).toEqual({ sequence: ['empty values not allowed'] });
  expect(await errors(3)).toEqual({ sequence: ['must be of string type'] });
  expect((await bob('POST', base)).body.errors).toEqual({
    accession: ['required field'],
    definition: ['required field'],
    sequence: ['required field'],
  });
});

test('U is stored as T, and the history says so', async () => {
  const { body } = await add({ sequence: 'augc' });
  expect(body.sequence).toBe('ATGC');
  const descriptions = async () => {
    const changes = (await bob('GET', `/api/otus/${otuId}/history`)).body as { description: string }[];
    return changes.map(({ description }) => description);
  };
  expect((await descriptions()).at(-1)).toBe(
    `Created new sequence ${FIELDS.accession} in Unnamed Isolate (U was read as T)`,
  );
  const edit = (sequence: string) => bob('PATCH', `${base}/${body.id}`, { sequence });
  expect((await edit('GGUU')).body.sequence).toBe('GGTT');
  expect((await descriptions()).at(-1)).toBe(`Edited sequence ${body.id} in Unnamed Isolate (U was read as T)`);
  // The same bases in another alphabet are no change.
  await edit('gguu');
  expect(await descriptions()).toHaveLength(4);
  await edit('GGTTA');
  expect((await descriptions()).at(-1)).toBe(`Edited sequence ${body.id} in Unnamed Isolate`);
});

test('genomes larger than a usual body are taken, bodies above the limit are not', async () => {
  expect((await add({ sequence: 'ACGT'.repeat(600_000) })).status).toBe(201);
  expect((await add({ sequence: 'ACGT'.repeat(2_200_000) })).status).toBe(413);
});

test('a sequence is edited field by field', async () => {
  const { body } = await add({ segment: 'RNA1' });
  const edit = (changes: unknown) => bob('PATCH', `${base}/${body.id}`, changes);
  expect(await edit({ host: 'Vitis' })).toMatchObject({ status: 200, body: { ...body, host: 'Vitis' } });
  expect(await version()).toBe(3);
  const edited = await edit({ definition: ' Edited ', host: '', sequence: 'tttt', segment: 'RNA2' });
  expect(edited.body).toEqual({ ...body, definition: 'Edited', host: '', sequence: 'TTTT', segment: 'RNA2' });
  expect((await bob('GET', `${base}/${body.id}`)).body).toEqual(edited.body);
  expect((await edit({ accession: '', definition: null })).body.errors).toEqual({
    accession: ['empty values not allowed'],
    definition: ['null value not allowed'],
  });
});

// The API itself returns null for no segment, and the client sends it back.
test('a null segment means none, and the form as it was fetched changes nothing', async () => {
  const { body } = await add();
  const { id, otu_id: _otu, isolate_id: _isolate, reference: _reference, ...form } = body;
  expect((await bob('PATCH', `${base}/${id}`, form)).body).toEqual(body);
  expect(await version()).toBe(2);
  await bob('PATCH', `${base}/${id}`, { segment: 'RNA1' });
  expect((await bob('PATCH', `${base}/${id}`, { segment: null })).body).toEqual(body);
});

test('a segment that the OTU lacks is 400 for a new sequence and 404 for an edited one', async () => {
  const message = 'Segment does not exist';
  expect(await add({ segment: 'RNA9' })).toMatchObject({ status: 400, body: { id: 'bad_request', message } });
  const { body } = await add();
  const edited = await bob('PATCH', `${base}/${body.id}`, { segment: 'RNA9' });
  expect(edited).toMatchObject({ status: 404, body: { id: 'not_found', message } });
});

test('a sequence is removed', async () => {
  const { body } = await add();
  expect((await bob('GET', `/api/otus/${otuId}`)).body).toMatchObject({ verified: true, issues: null });
  expect(await bob('DELETE', `${base}/${body.id}`)).toMatchObject({ status: 204, body: '' });
  expect((await bob('DELETE', `${base}/${body.id}`)).status).toBe(404);
  expect((await bob('GET', `/api/otus/${otuId}`)).body).toMatchObject({
    verified: false,
    issues: { empty_isolate: [isolateId] },
  });
});

// The original looked for the sequence alone, so that a right on one OTU was a right on all sequences.
test('sequences are reached only through their own isolate and OTU', async () => {
  const { body } = await add();
  const own = await addIsolate('anna');
  const second = (await bob('POST', `/api/otus/${otuId}/isolates`, { source_name: 'B' })).body.id;
  const foreign = `/api/otus/${own.otuId}/isolates/${own.isolateId}/sequences/${body.id}`;
  const elsewhere = `/api/otus/${otuId}/isolates/${second}/sequences/${body.id}`;
  for (const [user, path] of [
    ['anna', foreign],
    ['bob', elsewhere],
  ] as const) {
    expect((await lab.send(user, 'GET', path)).status).toBe(404);
    expect((await lab.send(user, 'PATCH', path, { host: 'X' })).status).toBe(404);
    expect((await lab.send(user, 'DELETE', path)).status).toBe(404);
  }
  expect((await bob('GET', `${base}/${body.id}`)).body).toEqual(body);
  // Whether it is there is said before whether it may be edited.
  expect((await lab.send('anna', 'DELETE', `${base}/unknown1`)).status).toBe(404);
  expect((await lab.send('anna', 'DELETE', elsewhere)).status).toBe(404);
  expect((await lab.send('anna', 'DELETE', `${base}/${body.id}`)).status).toBe(403);
});
