import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { newProcess } from '../../../src/store/processes.js';
import type { ReferenceDocument } from '../../../src/store/references/references.js';
import { type Laboratory, laboratory } from '../../support/laboratory.js';
import { referenceOf } from '../../support/references.js';

let lab: Laboratory;
beforeAll(async () => {
  lab = await laboratory({ bob: {}, anna: {}, tina: { groups: ['tech'] } });
});
afterAll(() => lab.dispose());

const NONE = { build: false, modify: false, modify_otu: false, remove: false };
const NOTHING_THERE = { empty_otu: true, empty_isolate: false, empty_sequence: false, isolate_inconsistency: false };

async function addReference(changes: Partial<ReferenceDocument> = {}): Promise<string> {
  const reference = referenceOf(changes);
  await lab.store.references.insert(reference);
  return reference._id;
}

const bob = (method: string, path: string, body?: unknown) => lab.send('bob', method, path, body);
const create = (referenceId: string, body: unknown) => bob('POST', `/api/refs/${referenceId}/otus`, body);

describe('creation', () => {
  test('gives the OTU without isolates, with the whole change that tells of it', async () => {
    const referenceId = await addReference();
    const schema = [{ name: 'RNA1' }, { name: 'RNA2', required: false, molecule: 'ssRNA+' }];
    const { status, headers, body } = await create(referenceId, { name: ' TMV ', abbreviation: ' T ', schema });
    expect(status).toBe(201);
    expect(headers.get('Location')).toBe(`/api/otus/${body.id}`);
    const stored = {
      name: 'TMV',
      abbreviation: 'T',
      last_indexed_version: null,
      verified: false,
      isolates: [],
      version: 0,
      reference: { id: referenceId },
      schema: [
        { name: 'RNA1', required: true, molecule: '' },
        { name: 'RNA2', required: false, molecule: 'ssRNA+' },
      ],
    };
    expect(body).toEqual({
      id: body.id,
      ...stored,
      issues: NOTHING_THERE,
      most_recent_change: {
        id: `${body.id}.0`,
        method_name: 'create',
        description: 'Created TMV (T)',
        created_at: expect.any(String),
        otu: { id: body.id, name: 'TMV', version: 0 },
        reference: { id: referenceId },
        index: { id: 'unbuilt', version: 'unbuilt' },
        user: { id: 'bob' },
        diff: { _id: body.id, lower_name: 'tmv', ...stored },
      },
    });
    expect((await bob('GET', `/api/otus/${body.id}`)).body).toMatchObject({ ...stored, issues: NOTHING_THERE });
  });

  test('stores names composed and without white space at their ends, and compares them so', async () => {
    const referenceId = await addReference();
    const { body } = await create(referenceId, { name: '\u00a0Me\u0301lon virus\n', abbreviation: ' Me\u0301V' });
    expect(body).toMatchObject({ name: 'M\u00e9lon virus', abbreviation: 'M\u00e9V' });
    const message = async (names: object) => (await create(referenceId, names)).body.message;
    expect(await message({ name: 'me\u0301lon VIRUS ' })).toBe('Name already exists');
    expect(await message({ name: 'Other', abbreviation: 'Me\u0301V\t' })).toBe('Abbreviation already exists');
    expect((await bob('PATCH', `/api/otus/${body.id}`, { name: 'Me\u0301lon virus' })).body.version).toBe(0);
  });

  test('names as former releases stored them are compared too, and can be edited', async () => {
    const referenceId = await addReference();
    const { body: old } = await create(referenceId, { name: 'Potato virus Y', abbreviation: 'PVY' });
    const { body: other } = await create(referenceId, { name: 'Potato virus X' });
    const untrimmed = { name: 'Potato virus Y ', lower_name: 'potato virus y ', abbreviation: ' PVY' };
    await lab.store.otus.collection.updateOne({ _id: old.id }, { $set: untrimmed });
    expect((await create(referenceId, { name: 'Potato virus Y' })).body.message).toBe('Name already exists');
    expect((await bob('PATCH', `/api/otus/${other.id}`, { abbreviation: 'PVY' })).body.message).toBe(
      'Abbreviation already exists',
    );
    // Something else of it is changed, then the name itself.
    expect(await bob('PATCH', `/api/otus/${old.id}`, { schema: [{ name: 'RNA1' }] })).toMatchObject({
      status: 200,
      body: { name: 'Potato virus Y ' },
    });
    expect((await bob('PATCH', `/api/otus/${old.id}`, { name: 'Potato virus Y' })).body).toMatchObject({
      name: 'Potato virus Y',
      version: 2,
    });
  });

  test('answers taken names with the texts that clients compare', async () => {
    const referenceId = await addReference();
    await create(referenceId, { name: 'Tobacco virus', abbreviation: 'TV' });
    const message = async (body: unknown) => {
      const answer = await create(referenceId, body);
      return [answer.status, answer.body.id, answer.body.message];
    };
    const bad = (text: string) => [400, 'bad_request', text];
    expect(await message({ name: 'TOBACCO VIRUS' })).toEqual(bad('Name already exists'));
    expect(await message({ name: 'Other', abbreviation: 'TV' })).toEqual(bad('Abbreviation already exists'));
    expect(await message({ name: 'Tobacco virus', abbreviation: 'TV' })).toEqual(
      bad('Name and abbreviation already exist'),
    );
  });

  test('says everything that is wrong with a body', async () => {
    const referenceId = await addReference();
    const errors = async (body: unknown) => {
      const answer = await create(referenceId, body);
      expect(answer.status).toBe(422);
      return answer.body.errors;
    };
    expect(await errors({})).toEqual({ name: ['required field'] });
    expect(await errors({ name: '  ', abbreviation: 3 })).toEqual({
      name: ['empty values not allowed'],
      abbreviation: ['must be of string type'],
    });
    const schema = [{ name: 'A', molecule: 'RNA' }, { name: 'A', required: 'yes' }, {}, 'x'];
    expect(await errors({ name: 'X', schema })).toEqual({
      schema: [
        'list contains duplicate names',
        {
          0: [{ molecule: ['unallowed value RNA'] }],
          1: [{ required: ['must be of boolean type'] }],
          2: [{ name: ['required field'] }],
          3: ['must be of dict type'],
        },
      ],
    });
    expect(await errors({ name: 'X', schema: {} })).toEqual({ schema: ['must be of list type'] });
  });
});

describe('editing', () => {
  test('changes what is given; the newest change comes without its diff', async () => {
    const referenceId = await addReference();
    const { body: otu } = await create(referenceId, { name: 'Old virus', abbreviation: 'OV' });
    const { status, body } = await bob('PATCH', `/api/otus/${otu.id}`, { name: ' New virus ', abbreviation: '' });
    expect(status).toBe(200);
    expect(body).toMatchObject({ name: 'New virus', abbreviation: '', version: 1, issues: NOTHING_THERE });
    expect(body).not.toHaveProperty('lower_name');
    expect(body.most_recent_change).toEqual({
      id: `${otu.id}.1`,
      method_name: 'edit',
      description: 'Changed name to New virus and removed abbreviation OV',
      created_at: expect.any(String),
      otu: { id: otu.id, name: 'Old virus', version: 1 },
      user: { id: 'bob' },
    });
    expect((await bob('GET', `/api/otus/${otu.id}`)).body).toEqual(body);
    expect((await bob('PATCH', `/api/otus/${otu.id}`, {})).body).toEqual(body);
    expect((await bob('PATCH', `/api/otus/${otu.id}`, { name: 'NEW virus' })).body.name).toBe('NEW virus');
  });

  test('refuses null, empty names and segments without a name', async () => {
    const { body: otu } = await create(await addReference(), { name: 'Strict virus' });
    const errors = async (body: unknown) => (await bob('PATCH', `/api/otus/${otu.id}`, body)).body.errors;
    expect(await errors({ name: '', abbreviation: null })).toEqual({
      name: ['empty values not allowed'],
      abbreviation: ['null value not allowed'],
    });
    expect(await errors({ schema: [{ molecule: 'ssRNA' }] })).toEqual({
      schema: [{ 0: [{ name: ['required field'] }] }],
    });
    expect((await bob('PATCH', '/api/otus/unknown1', { name: '' })).status).toBe(422);
  });
});

test('removal takes the OTU and its sequences and leaves the history', async () => {
  const referenceId = await addReference();
  const { body: otu } = await create(referenceId, { name: 'Gone virus' });
  const isolates = `/api/otus/${otu.id}/isolates`;
  const { body: isolate } = await bob('POST', isolates, { source_type: 'isolate', source_name: 'A' });
  const sequence = { accession: 'A', definition: 'D', sequence: 'ACGT' };
  expect((await bob('POST', `${isolates}/${isolate.id}/sequences`, sequence)).status).toBe(201);
  await bob('PATCH', `/api/refs/${referenceId}`, { internal_control: otu.id });
  expect(await bob('DELETE', `/api/otus/${otu.id}`)).toMatchObject({ status: 204, body: '' });
  expect((await bob('DELETE', `/api/otus/${otu.id}`)).status).toBe(404);
  expect(await lab.store.sequences.collection.countDocuments({ otu_id: otu.id })).toBe(0);
  expect((await bob('GET', `/api/refs/${referenceId}`)).body.internal_control).toBeNull();
  const { body: change } = await bob('GET', `/api/history/${otu.id}.removed`);
  expect(change).toMatchObject({
    method_name: 'remove',
    description: 'Removed Gone virus',
    otu: { id: otu.id, name: 'Gone virus', version: 'removed' },
    diff: { _id: otu.id, isolates: [{ sequences: [{ accession: 'A' }] }] },
  });
});

type Write = [method: string, path: (ids: { ref: string; otu: string; isolate: string; sequence: string }) => string];
const BODY = { name: 'N', accession: 'A', definition: 'D', sequence: 'ACGT', source_name: 'S' };
const WRITES: Write[] = [
  ['POST', ({ ref }) => `/api/refs/${ref}/otus`],
  ['PATCH', ({ otu }) => `/api/otus/${otu}`],
  ['DELETE', ({ otu }) => `/api/otus/${otu}`],
  ['POST', ({ otu }) => `/api/otus/${otu}/isolates`],
  ['PATCH', ({ otu, isolate }) => `/api/otus/${otu}/isolates/${isolate}`],
  ['PUT', ({ otu, isolate }) => `/api/otus/${otu}/isolates/${isolate}/default`],
  ['DELETE', ({ otu, isolate }) => `/api/otus/${otu}/isolates/${isolate}`],
  ['POST', ({ otu, isolate }) => `/api/otus/${otu}/isolates/${isolate}/sequences`],
  ['PATCH', ({ otu, isolate, sequence }) => `/api/otus/${otu}/isolates/${isolate}/sequences/${sequence}`],
  ['DELETE', ({ otu, isolate, sequence }) => `/api/otus/${otu}/isolates/${isolate}/sequences/${sequence}`],
  ['DELETE', ({ otu }) => `/api/history/${otu}.2`],
];

describe.each(WRITES)('%s %s', (method, path) => {
  async function setUp() {
    const ref = await addReference({ users: [], groups: [{ id: 'tech', ...NONE, modify_otu: true }] });
    const send = async (url: string, body: unknown) => (await lab.send('tina', 'POST', url, body)).body.id as string;
    const otu = await send(`/api/refs/${ref}/otus`, { name: 'A virus' });
    const isolate = await send(`/api/otus/${otu}/isolates`, { source_name: 'A' });
    const sequence = await send(`/api/otus/${otu}/isolates/${isolate}/sequences`, BODY);
    const count = () => lab.store.history.collection.countDocuments({ 'reference.id': ref });
    return { ref, url: path({ ref, otu, isolate, sequence }), count };
  }
  const body = method === 'POST' || method === 'PATCH' ? BODY : undefined;

  test('needs the right to edit OTUs, which a group may give', async () => {
    const { ref, url, count } = await setUp();
    const everythingElse = { id: 'anna', build: true, modify: true, remove: true, modify_otu: false };
    await lab.store.references.collection.updateOne({ _id: ref }, { $set: { users: [everythingElse] } });
    const refused = await lab.send('anna', method, url, body);
    expect(refused).toMatchObject({ status: 403, body: { id: 'insufficient_rights', message: 'Insufficient rights' } });
    expect(await count()).toBe(3);
    expect((await lab.send('tina', method, url, body)).status).toBeLessThan(300);
  });

  test('is refused in a remote reference, whose next update would undo it', async () => {
    const { ref, url, count } = await setUp();
    const remote = { remotes_from: { slug: 'virtool/ref-plant-viruses', errors: [] } };
    await lab.store.references.collection.updateOne({ _id: ref }, { $set: remote });
    expect(await lab.send('tina', method, url, body)).toMatchObject({ status: 400, body: { id: 'bad_request' } });
    expect(await count()).toBe(3);
  });

  // A process that fails removes the reference with all that is in it.
  test('is refused as long as a process fills the reference', async () => {
    const { ref, url } = await setUp();
    const process = newProcess(`process${ref}`, 'import_reference', { ref_id: ref });
    await lab.store.processes.collection.insertOne(process);
    await lab.store.references.collection.updateOne({ _id: ref }, { $set: { process: { id: process._id } } });
    expect(await lab.send('tina', method, url, body)).toMatchObject({ status: 409, body: { id: 'conflict' } });
    await lab.store.processes.complete(process._id, 'create_history');
    expect((await lab.send('tina', method, url, body)).status).toBeLessThan(300);
  });
});
