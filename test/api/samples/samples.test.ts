import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Laboratory, laboratory } from '../../support/laboratory.js';

let lab: Laboratory;
beforeAll(async () => {
  lab = await laboratory({
    fred: { permissions: ['create_sample'], groups: ['technicians'] },
    anna: { groups: ['students'] },
  });
  await lab.store.groups.insert('technicians');
});
afterAll(() => lab.dispose());
beforeEach(async () => {
  for (const name of ['subtraction', 'samples', 'files', 'jobs', 'caches', 'settings'] as const) {
    await lab.database.collection(name).deleteMany({});
  }
  lab.started.length = 0;
  await lab.addHost('Vitis');
});

const create = (body: Record<string, unknown>, user = 'head') =>
  lab.send(user, 'POST', '/api/samples', { name: 'Sample', subtraction: 'Vitis', ...body });

const sample = async (changes: Record<string, unknown> = {}, user = 'head'): Promise<string> => {
  const files = [await lab.upload('reads', 'a.fq.gz')];
  const answer = await create({ name: `Sample ${files[0]}`, files, ...changes }, user);
  if (answer.status !== 201) throw new Error(JSON.stringify(answer.body));
  return answer.body.id;
};

describe('create', () => {
  test('makes a paired sample of two uploads, takes them and starts the job', async () => {
    const files = [
      await lab.upload('reads', 'left reads.fq.gz', 'left'),
      await lab.upload('reads', 'right.fq.gz', 'r'),
    ];
    const answer = await create({ name: ' Paired walk ', host: ' Vitis ', files, srna: 'TRUE', extra: 1 }, 'fred');
    const uploads = [
      { id: files[0], name: 'left reads.fq.gz', size: 4 },
      { id: files[1], name: 'right.fq.gz', size: 1 },
    ];
    expect(answer.status).toBe(201);
    expect(answer.headers.get('Location')).toBe(`/api/samples/${answer.body.id}`);
    expect(answer.body).toEqual({
      id: expect.stringMatching(/^[0-9a-z]{8}$/),
      name: 'Paired walk',
      host: 'Vitis',
      files: uploads,
      subtraction: { id: 'Vitis' },
      srna: true,
      paired: true,
      group: 'none',
      group_read: true,
      group_write: false,
      all_read: true,
      all_write: false,
      nuvs: false,
      pathoscope: false,
      created_at: expect.stringMatching(/Z$/),
      format: 'fastq',
      imported: 'ip',
      quality: null,
      analyzed: false,
      hold: true,
      archived: false,
      user: { id: 'fred' },
    });
    const [job] = await lab.store.jobs.collection.find().toArray();
    expect(job).toMatchObject({
      task: 'create_sample',
      args: { sample_id: answer.body.id, files: uploads, srna: true },
      user: { id: 'fred' },
      status: [{ state: 'waiting' }],
    });
    expect(lab.started).toMatchObject([{ workflowType: 'create_sample', workflowId: `job-${job?._id}` }]);
    expect(await lab.store.files.collection.countDocuments({ reserved: true })).toBe(2);
  });

  test('refuses a body that is not valid, field by field', async () => {
    const wrong = { name: 1, host: 2, isolate: [], locale: {}, group: 4, srna: 'x', subtraction: 5, files: 'a' };
    const text = ['must be of string type'];
    expect((await lab.send('head', 'POST', '/api/samples', wrong)).body.errors).toEqual({
      name: text,
      host: text,
      isolate: text,
      locale: text,
      group: text,
      subtraction: text,
      files: ['must be of list type'],
    });
    expect((await create({ files: ['a', 'b', 'c'] })).body.errors).toEqual({ files: ['max length is 2'] });
    expect((await create({ files: [] })).body.errors).toEqual({ files: ['min length is 1'] });
    const required = await lab.send('head', 'POST', '/api/samples', '');
    expect(Object.keys(required.body.errors).sort()).toEqual(['files', 'name', 'subtraction']);
  });

  test('refuses in the order name, subtraction, files, group', async () => {
    await sample({ name: 'Taken' });
    await lab.store.settings.update({ sample_group: 'force_choice' });
    const files = [await lab.upload('reads', 'b.fq')];
    const steps = [
      [{ name: 'Taken', subtraction: 'None', files: ['none'] }, 'Sample name is already in use'],
      [{ subtraction: 'None', files: ['none'] }, 'Subtraction does not exist'],
      [{ files: ['none'] }, 'File does not exist'],
      [{ files }, 'Group value required for sample creation'],
      [{ files, group: 'nobodies' }, 'Group does not exist'],
    ] as const;
    for (const [body, message] of steps) {
      expect(await create(body)).toMatchObject({ status: 400, body: { id: 'bad_request', message } });
    }
    expect(await lab.store.files.get(files[0]!)).toMatchObject({ reserved: false });
    expect((await create({ files, group: 'technicians' })).body).toMatchObject({ group: 'technicians' });
  });

  // The old server accepted all of these, and the jobs failed later.
  test('refuses hosts and files that cannot be used', async () => {
    await lab.addHost('Unready', { ready: false });
    await lab.addHost('No host', { is_host: false });
    const good = await lab.upload('reads', 'good.fq');
    for (const subtraction of ['Unready', 'No host']) {
      expect((await create({ subtraction, files: [good] })).body.message).toBe('Subtraction does not exist');
    }
    const reference = await lab.upload('reference', 'a.json.gz');
    const partial = await lab.upload('reads', 'partial.fq');
    await lab.store.files.collection.updateOne({ _id: partial }, { $set: { ready: false } });
    const taken = await lab.upload('reads', 'taken.fq');
    await lab.store.files.collection.updateOne({ _id: taken }, { $set: { reserved: true } });
    for (const files of [[reference], [partial], [taken], [good, taken], [good, good]]) {
      expect((await create({ files })).body.message).toBe('File does not exist');
    }
    expect(await lab.store.samples.collection.countDocuments()).toBe(0);
    expect(await lab.store.jobs.collection.countDocuments()).toBe(0);
    expect(await lab.store.files.get(good)).toMatchObject({ reserved: false });
  });

  test('names may be used twice when the setting allows it', async () => {
    await lab.store.settings.update({ sample_unique_names: false });
    await sample({ name: 'Twice' });
    await sample({ name: 'Twice' });
    expect(await lab.store.samples.collection.countDocuments({ name: 'Twice' })).toBe(2);
  });

  test('takes rights and group from settings and user', async () => {
    await lab.store.users.insert({ id: 'fred', passwordHash: 'x', administrator: false, forceReset: false });
    await lab.store.settings.update({
      sample_group: 'users_primary_group',
      sample_group_read: false,
      sample_group_write: true,
      sample_all_read: false,
      sample_all_write: true,
    });
    const rights = { group_read: false, group_write: true, all_read: false, all_write: true };
    expect(await lab.store.samples.get(await sample({ group: 'ignored' }, 'fred'))).toMatchObject({
      ...rights,
      group: null,
    });
    await lab.store.users.update('fred', { groups: ['technicians'] });
    await lab.store.users.update('fred', { primary_group: 'technicians' });
    expect(await lab.store.samples.get(await sample({}, 'fred'))).toMatchObject({ ...rights, group: 'technicians' });
  });

  test.each([
    [true, true],
    ['1', true],
    [1, true],
    ['True', true],
    [false, false],
    ['yes', false],
    [null, false],
    [undefined, false],
  ])('srna %j means %s', async (srna, expected) => {
    expect(await lab.store.samples.get(await sample({ srna }))).toMatchObject({ srna: expected });
  });

  test('needs the permission', async () => {
    expect((await create({ files: ['a'] }, 'anna')).body).toEqual({ id: 'not_permitted', message: 'Not permitted' });
  });
});

describe('list', () => {
  const names = async (query: string, user = 'head') => {
    const { body } = await lab.send(user, 'GET', `/api/samples${query}`);
    return body.documents.map(({ name }: { name: string }) => name);
  };
  const tag = (name: string, tags: Record<string, unknown>) =>
    lab.store.samples.collection.updateOne({ name }, { $set: tags });

  test('is newest first, with the fields of the wire, searched in names and users', async () => {
    await sample({ name: 'Walk 1', host: 'Vitis' });
    await sample({ name: 'Walk 2' }, 'fred');
    await tag('Walk 1', { created_at: new Date(2020, 1, 1) });
    const { body } = await lab.send('anna', 'GET', '/api/samples');
    expect(body).toMatchObject({ total_count: 2, found_count: 2, page_count: 1, per_page: 25, page: 1 });
    expect(body.documents).toEqual([
      expect.objectContaining({ name: 'Walk 2' }),
      {
        id: expect.any(String),
        name: 'Walk 1',
        host: 'Vitis',
        created_at: expect.any(String),
        user: { id: 'head' },
        imported: 'ip',
        archived: false,
        pathoscope: false,
        nuvs: false,
      },
    ]);
    expect(await names('?find=%20WALK%20')).toEqual(['Walk 2', 'Walk 1']);
    expect(await names('?find=FRED')).toEqual(['Walk 2']);
    expect(await names('?find=ITI')).toEqual(['Walk 1']);
    expect(await names('?find=.*')).toEqual([]);
    expect(await names('?per_page=1&page=2')).toEqual(['Walk 1']);
  });

  test('tags of one algorithm are alternatives, those of both too, and the search narrows down', async () => {
    for (const name of ['A none', 'B both', 'C ip', 'D nuvs']) await sample({ name });
    await tag('B both', { pathoscope: true, nuvs: true });
    await tag('C ip', { pathoscope: 'ip' });
    await tag('D nuvs', { nuvs: true });
    const sorted = async (query: string) => (await names(query)).sort();
    expect(await sorted('?pathoscope=true&pathoscope=ip')).toEqual(['B both', 'C ip']);
    expect(await sorted('?pathoscope=ip&nuvs=true')).toEqual(['B both', 'C ip', 'D nuvs']);
    expect(await sorted('?nuvs=true&find=d%20nu')).toEqual(['D nuvs']);
    for (const none of ['?nuvs=maybe', '?nuvs=true&nuvs=false&nuvs=ip', '?pathoscope=']) {
      expect(await sorted(none)).toHaveLength(4);
    }
    const { body } = await lab.send('head', 'GET', '/api/samples?pathoscope=ip');
    expect(body).toMatchObject({ total_count: 4, found_count: 1 });
  });

  test.each([
    ['page=abc', { page: ['must be of integer type'] }],
    ['page=0', { page: ['min value is 1'] }],
    ['per_page=101', { per_page: ['max value is 100'] }],
    ['page=-1&per_page=1.5', { page: ['min value is 1'], per_page: ['must be of integer type'] }],
  ])('refuses %s, as the only list', async (query, errors) => {
    const answer = await lab.send('head', 'GET', `/api/samples?${query}`);
    expect(answer).toMatchObject({ status: 422, body: { id: 'invalid_query', message: 'Invalid query', errors } });
  });

  test('shows only what may be read, and all to administrators', async () => {
    await lab.store.settings.update({ sample_all_read: false });
    await sample({ name: 'Own' }, 'fred');
    await sample({ name: 'Group' });
    await sample({ name: 'Private' });
    await tag('Group', { group: 'technicians' });
    expect((await names('', 'fred')).sort()).toEqual(['Group', 'Own']);
    expect(await names('', 'anna')).toEqual([]);
    expect(await names('', 'head')).toHaveLength(3);
  });
});

describe('one', () => {
  const get = (id: string, user = 'head') => lab.send(user, 'GET', `/api/samples/${id}`);

  test('is shown while its uploads are being copied, which crashed the old server', async () => {
    const id = await sample({ name: 'Fresh' });
    const { status, body } = await get(id);
    expect(status).toBe(200);
    expect(body).toMatchObject({
      id,
      name: 'Fresh',
      imported: 'ip',
      caches: [],
      files: [{ name: 'a.fq.gz', size: 7 }],
    });
  });

  test('names its files like itself, in links that survive any name', async () => {
    const id = await sample({ name: 'A/B 100% $& #1?' });
    const from = { id: 'abcd1234-a.fq.gz', name: 'a.fq.gz', size: 7 };
    await lab.store.samples.setFiles(id, [
      { name: 'reads_1.fq.gz', download_url: `/download/samples/${id}/reads_1.fq.gz`, size: 9, from, raw: true },
    ]);
    const { body } = await get(id);
    expect(body.files).toEqual([
      {
        name: 'A/B_100%_$&_#1?_1.fq.gz',
        download_url: `/download/samples/${id}/A%2FB_100%25_%24%26_%231%3F_1.fq.gz`,
        size: 9,
        from,
        raw: true,
        replace_url: `/upload/samples/${id}/files/1`,
      },
    ]);
  });

  test('carries its caches, without what is internal to them', async () => {
    const id = await sample();
    const claim = {
      jobId: 'job00000',
      sampleId: id,
      program: 'skewer-0.2.2',
      hash: 'abc',
      rule: 'r',
      parameters: {},
      paired: false,
    };
    const { cache } = await lab.store.caches.claim(claim);
    await lab.store.caches.publish(cache._id, { count: 1 }, [{ name: 'reads_1.fq.gz', size: 3 }]);
    expect((await get(id)).body.caches).toEqual([
      {
        id: cache._id,
        created_at: expect.any(String),
        files: [{ name: 'reads_1.fq.gz', size: 3 }],
        hash: 'abc',
        legacy: false,
        paired: false,
        parameters: {},
        program: 'skewer-0.2.2',
        ready: true,
        quality: { count: 1 },
        sample: { id },
      },
    ]);
  });

  test('needs the right to read, after it is known', async () => {
    const id = await sample();
    await lab.send('head', 'PATCH', `/api/samples/${id}/rights`, { all_read: false });
    expect((await get(id, 'anna')).body).toEqual({ id: 'insufficient_rights', message: 'Insufficient rights' });
    expect((await get('unknown1', 'anna')).body).toEqual({ id: 'not_found', message: 'Not found' });
  });
});

describe('edit', () => {
  const edit = (id: string, body: unknown, user = 'head') => lab.send(user, 'PATCH', `/api/samples/${id}`, body);

  test('changes what is given, and answers like the list', async () => {
    const id = await sample({ name: 'Before', host: 'Vitis', isolate: 'I1' });
    const answer = await edit(id, { name: ' After ', isolate: '' });
    expect(answer.status).toBe(200);
    expect(answer.body).toEqual({
      id,
      name: 'After',
      host: 'Vitis',
      isolate: '',
      created_at: expect.any(String),
      user: { id: 'head' },
      imported: 'ip',
      archived: false,
      pathoscope: false,
      nuvs: false,
    });
    // The old server crashed without a name.
    expect(await edit(id, { host: 'Malus' })).toMatchObject({ status: 200, body: { name: 'After', host: 'Malus' } });
    expect(await edit(id, {})).toMatchObject({ status: 200, body: { name: 'After' } });
    expect(await edit(id, { name: 'After' })).toMatchObject({ status: 200 });
  });

  test('refuses', async () => {
    await sample({ name: 'Taken' });
    const id = await sample();
    expect((await edit(id, { name: 'Taken' })).body).toEqual({
      id: 'bad_request',
      message: 'Sample name is already in use',
    });
    expect((await edit(id, { name: ' ', host: 4 })).body.errors).toEqual({
      name: ['empty values not allowed'],
      host: ['must be of string type'],
    });
    expect((await edit('unknown1', { name: 'x' })).status).toBe(404);
    expect((await edit(id, { name: 'x' }, 'anna')).body.message).toBe('Insufficient rights');
    await lab.send('head', 'PATCH', `/api/samples/${id}/rights`, { group: 'technicians', group_write: true });
    expect((await edit(id, { name: 'By the group' }, 'fred')).status).toBe(200);
  });
});

describe('rights', () => {
  const edit = (id: string, body: unknown, user = 'head') => lab.send(user, 'PATCH', `/api/samples/${id}/rights`, body);

  test('are changed by owner and administrators, not by those who may write', async () => {
    const id = await sample({}, 'fred');
    const changed = await edit(id, { group: 'technicians', group_write: true, all_write: true }, 'fred');
    const rights = { group: 'technicians', group_read: true, group_write: true, all_read: true, all_write: true };
    expect(changed.status).toBe(200);
    expect(changed.body).toEqual({ ...rights, user: { id: 'fred' } });
    expect((await edit(id, {})).body).toEqual({ ...rights, user: { id: 'fred' } });
    expect(await edit(id, { all_read: false }, 'anna')).toMatchObject({
      status: 403,
      body: { id: 'insufficient_rights', message: 'Must be administrator or sample owner' },
    });
    expect((await edit(id, { group: 'none' })).body).toMatchObject({ group: 'none' });
  });

  test('refuse unknown groups, samples and wrong types', async () => {
    const id = await sample();
    expect((await edit(id, { group: 'nobodies' })).body).toEqual({
      id: 'bad_request',
      message: 'Group does not exist',
    });
    expect((await edit('unknown1', { all_read: true })).status).toBe(404);
    expect((await edit(id, { all_read: 'yes', group: 3 })).body.errors).toEqual({
      all_read: ['must be of boolean type'],
      group: ['must be of string type'],
    });
  });
});
