import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { randomId } from '../../../src/store/database/ids.js';
import { type Laboratory, laboratory } from '../../support/laboratory.js';
import { insertOtu, otuOf, referenceOf } from '../../support/references.js';

let lab: Laboratory;
beforeAll(async () => {
  lab = await laboratory({
    bob: { permissions: ['create_ref'] },
    fred: { groups: ['technicians'] },
    anna: {},
  });
});
afterAll(() => lab.dispose());

const post = (body: unknown, user = 'bob') => lab.send(user, 'POST', '/api/refs', body);

async function addReference(changes: Parameters<typeof referenceOf>[0] = {}) {
  const reference = referenceOf(changes);
  await lab.store.references.insert(reference);
  return reference;
}

const IDENTICON = '81b637d8fcd2c6da6359e6963113a1170de795e4b725b84d1e0b4cfd9ec58ce9';
const ALL_RIGHTS = { build: true, modify: true, modify_otu: true, remove: true };

describe('creating', () => {
  test('a blank reference belongs to its maker and takes its source types from the settings', async () => {
    const answer = await post({ name: ' Walk Viruses ', description: 'A walk', organism: 'virus', extra: true });
    expect(answer.status).toBe(201);
    expect(answer.headers.get('Location')).toBe(`/api/refs/${answer.body.id}`);
    expect(answer.body).toEqual({
      id: expect.stringMatching(/^[0-9a-z]{8}$/),
      created_at: expect.any(String),
      data_type: 'genome',
      description: 'A walk',
      name: 'Walk Viruses',
      organism: 'virus',
      internal_control: null,
      restrict_source_types: false,
      source_types: ['isolate', 'strain'],
      groups: [],
      users: [{ id: 'bob', ...ALL_RIGHTS }],
      user: { id: 'bob' },
      contributors: [],
      latest_build: null,
      otu_count: 0,
      unbuilt_change_count: 0,
    });
    const { users, ...rest } = answer.body;
    expect((await lab.send('bob', 'GET', `/api/refs/${answer.body.id}`)).body).toEqual({
      ...rest,
      users: [{ ...users[0], identicon: IDENTICON }],
    });
  });

  test('bodies of wrong types are refused field by field', async () => {
    const wrong = {
      name: 1,
      description: [],
      data_type: 'other',
      organism: null,
      remote_from: 'someone/else',
      release_id: 4,
    };
    const answer = await post(wrong);
    expect(answer.status).toBe(422);
    expect(answer.body.errors).toEqual({
      name: ['must be of string type'],
      description: ['must be of string type'],
      data_type: ['unallowed value other'],
      remote_from: ['unallowed value someone/else'],
      release_id: ['must be of string type'],
    });
  });

  test('only one source may be named, and an empty one is none', async () => {
    const both = await post({ clone_from: 'a', import_from: 'b' });
    expect(both.body.errors).toEqual({
      clone_from: ["'import_from', 'remote_from' must not be present with 'clone_from'"],
      import_from: ["'clone_from', 'remote_from' must not be present with 'import_from'"],
    });
    expect((await post({ clone_from: '' })).body).not.toHaveProperty('process');
  });

  test('sources that do not exist or cannot be used are refused', async () => {
    expect((await post({ clone_from: 'unknown1' })).body).toEqual({
      id: 'bad_request',
      message: 'Source reference does not exist',
    });
    const missing = await post({ import_from: 'unknown1' });
    expect([missing.status, missing.body.message]).toEqual([404, 'File not found']);
    const reads = await lab.upload('reads', 'a.fq.gz');
    expect((await post({ import_from: reads })).body.message).toBe('File is not a reference file');
    const file = await lab.store.files.insert({ name: 'cut.json.gz', type: 'reference', userId: 'bob' });
    expect((await post({ import_from: file._id })).body.message).toBe('File is not completely uploaded');
  });

  test('the permission create_ref is needed', async () => {
    expect((await post({}, 'anna')).status).toBe(403);
  });

  test('an import has its process, which is started and shows no server path', async () => {
    const fileId = await lab.upload('reference', 'plants.json.gz');
    const { body } = await post({ import_from: fileId });
    expect(body).toMatchObject({
      name: 'Unnamed Import',
      data_type: null,
      organism: null,
      imported_from: { id: fileId, name: 'plants.json.gz', user: { id: 'head' } },
      process: { id: expect.any(String) },
    });
    expect(lab.started.at(-1)).toMatchObject({
      workflowType: 'import_reference',
      workflowId: `process-${body.process.id}`,
      args: [{ processId: body.process.id }],
    });
    expect((await lab.send('head', 'GET', `/api/processes/${body.process.id}`)).body).toEqual({
      id: body.process.id,
      type: 'import_reference',
      step: 'load_file',
      progress: 0,
      count: 0,
      complete: false,
      resumable: false,
      created_at: expect.any(String),
      context: {
        created_at: body.created_at,
        path: `files/${fileId}`,
        ref_id: body.id,
        user_id: 'bob',
        inserted_otu_ids: [],
      },
    });
  });

  test('a clone takes name, organism and versions from its source, also from one without name', async () => {
    const source = await addReference({ name: '', organism: 'viroid', data_type: 'barcode' });
    const otu = await insertOtu(lab.store, otuOf(source._id));
    const { body } = await post({ clone_from: source._id });
    expect(body).toMatchObject({
      name: 'Clone of ',
      organism: 'viroid',
      data_type: 'barcode',
      cloned_from: { id: source._id, name: '' },
    });
    expect(lab.started.at(-1)?.workflowType).toBe('clone_reference');
    const process = await lab.store.processes.get(body.process.id);
    expect(process?.context.manifest).toEqual({ [otu._id]: 0 });
    const whileFilled = await post({ clone_from: body.id });
    expect(whileFilled.status).toBe(409);
  });
});

describe('listing', () => {
  test('shows own references and those of members and their groups; all to administrators', async () => {
    const own = await addReference({ name: 'list own', user: { id: 'anna' } });
    const shared = await addReference({ name: 'list shared', users: [{ id: 'anna', ...ALL_RIGHTS }] });
    const ofGroup = await addReference({ name: 'list group', groups: [{ id: 'technicians', ...ALL_RIGHTS }] });
    const list = async (user: string) => {
      const { body } = await lab.send(user, 'GET', '/api/refs?find=LIST');
      return body.documents.map((one: { id: string }) => one.id);
    };
    expect(await list('anna')).toEqual([own._id, shared._id]);
    expect(await list('fred')).toEqual([ofGroup._id]);
    expect(await list('head')).toEqual([ofGroup._id, own._id, shared._id]);
    expect((await lab.send('fred', 'GET', '/api/refs?find=list%20own')).body).toMatchObject({
      found_count: 0,
      total_count: 1,
    });
  });

  test('shows counts and the newest finished index, and leaves out what only details have', async () => {
    const reference = await addReference({ name: 'counted' });
    await insertOtu(lab.store, otuOf(reference._id));
    const cost = { proc: 1, mem: 1 };
    const build = await lab.store.indexBuilds.create({ referenceId: reference._id, userId: 'anna', cost });
    const index = build.ok ? build.index : undefined;
    await lab.database.transaction((session) => lab.store.indexBuilds.publish(index?._id ?? '', session));
    await insertOtu(lab.store, otuOf(reference._id));
    const { body } = await lab.send('bob', 'GET', '/api/refs?find=counted');
    expect(body.documents).toEqual([
      {
        id: reference._id,
        name: 'counted',
        created_at: expect.any(String),
        data_type: 'genome',
        organism: 'virus',
        internal_control: null,
        user: { id: 'bob' },
        latest_build: {
          id: index?._id,
          version: 0,
          created_at: expect.any(String),
          user: { id: 'anna' },
        },
        otu_count: 2,
        unbuilt_change_count: 1,
      },
    ]);
    const detail = await lab.send('bob', 'GET', `/api/refs/${reference._id}`);
    expect(detail.body).toMatchObject({ otu_count: 2, contributors: [{ id: 'bob', count: 2 }] });
  });
});

describe('editing', () => {
  const patch = (id: string, body: unknown, user = 'bob') => lab.send(user, 'PATCH', `/api/refs/${id}`, body);

  test('changes what is given, and nothing for an empty body', async () => {
    const { _id } = await addReference();
    const body = { name: ' Renamed ', description: ' Second ', source_types: [' genotype '] };
    const answer = await patch(_id, body);
    expect(answer.body).toMatchObject({ name: 'Renamed', description: 'Second', source_types: ['genotype'] });
    expect((await patch(_id, {})).body).toEqual(answer.body);
  });

  test('checks the body, then the reference, then the right', async () => {
    const { _id } = await addReference();
    const wrong = {
      description: 1,
      data_type: 'x',
      restrict_source_types: 'yes',
      source_types: 'isolate',
      internal_control: 3,
      name: ' ',
    };
    const invalid = await patch('unknown1', wrong, 'anna');
    expect(invalid.body.errors).toEqual({
      description: ['must be of string type'],
      data_type: ['unallowed value x'],
      restrict_source_types: ['must be of boolean type'],
      source_types: ['must be of list type'],
      internal_control: ['must be of string type'],
      name: ['empty values not allowed'],
    });
    expect((await patch('unknown1', {}, 'anna')).status).toBe(404);
    expect((await patch(_id, {}, 'anna')).body).toEqual({ id: 'insufficient_rights', message: 'Insufficient rights' });
    expect((await patch(_id, { source_types: ['a', ' '] })).body.errors).toEqual({
      source_types: [{ 1: ['empty values not allowed'] }],
    });
  });

  test('the internal control is an OTU of the reference; it stays when it is not named', async () => {
    const { _id } = await addReference();
    const control = await insertOtu(lab.store, otuOf(_id));
    const foreign = await insertOtu(lab.store, otuOf(randomId()));
    const shown = { id: control._id, name: control.name };
    expect((await patch(_id, { internal_control: control._id })).body.internal_control).toEqual(shown);
    expect((await patch(_id, { internal_control: foreign._id })).status).toBe(400);
    expect((await patch(_id, { description: 'x' })).body.internal_control).toEqual(shown);
    expect((await patch(_id, { internal_control: '' })).body.internal_control).toBeNull();
  });

  test('a new name is that of its analyses too', async () => {
    const { _id } = await addReference();
    const analysis = { _id: randomId(), reference: { id: _id, name: 'old' } };
    await lab.database.db.collection<{ _id: string }>('analyses').insertOne(analysis);
    await patch(_id, { name: 'New' });
    expect(await lab.store.analyses.get(analysis._id)).toMatchObject({ reference: { name: 'New' } });
  });
});

describe('removing', () => {
  test('takes the reference at once, starts the process and ends what worked with it', async () => {
    const fileId = await lab.upload('reference', 'plants.json.gz');
    const { body: imported } = await post({ import_from: fileId });
    await insertOtu(lab.store, otuOf(imported.id));
    const cost = { proc: 1, mem: 1 };
    const build = await lab.store.indexBuilds.create({ referenceId: imported.id, userId: 'bob', cost });
    const jobId = build.ok ? build.job._id : '';
    const answer = await lab.send('bob', 'DELETE', `/api/refs/${imported.id}`);
    expect(answer.status).toBe(202);
    expect(answer.headers.get('Content-Location')).toBe(`/api/processes/${answer.body.id}`);
    expect(answer.body).toEqual({
      id: expect.any(String),
      type: 'delete_reference',
      step: 'delete_indexes',
      progress: 0,
      count: 0,
      complete: false,
      resumable: false,
      created_at: expect.any(String),
      context: { ref_id: imported.id, user_id: 'bob' },
    });
    expect(lab.started.at(-1)?.workflowId).toBe(`process-${answer.body.id}`);
    expect(lab.cancelled.slice(-2)).toEqual([`process-${imported.process.id}`, `job-${jobId}`]);
    expect((await lab.store.jobs.get(jobId))?.cancel_requested).toBe(true);
    expect((await lab.store.processes.get(imported.process.id))?.closing).toBe(true);
    expect((await lab.send('bob', 'GET', `/api/refs/${imported.id}`)).status).toBe(404);
    expect((await lab.send('bob', 'DELETE', `/api/refs/${imported.id}`)).status).toBe(404);
  });

  test('needs the right', async () => {
    const { _id } = await addReference();
    expect((await lab.send('anna', 'DELETE', `/api/refs/${_id}`)).status).toBe(403);
  });
});
