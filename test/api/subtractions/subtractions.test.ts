import { mkdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Laboratory, laboratory } from '../../support/laboratory.js';

let lab: Laboratory;
beforeAll(async () => {
  lab = await laboratory({ fred: { permissions: ['modify_subtraction'] }, anna: {} });
});
afterAll(() => lab.dispose());
beforeEach(async () => {
  for (const name of ['subtraction', 'samples', 'files', 'jobs'] as const) {
    await lab.database.collection(name).deleteMany({});
  }
  lab.started.length = 0;
});

const create = (body: unknown, user = 'fred') => lab.send(user, 'POST', '/api/subtractions', body);

const addSample = (id: string, subtraction: string, rights: Record<string, unknown> = {}) =>
  lab.database.db.collection('samples').insertOne({
    _id: id as never,
    name: `Sample ${id}`,
    subtraction: { id: subtraction },
    user: { id: 'head' },
    all_read: false,
    ...rights,
  });

describe('create', () => {
  test('takes the upload and starts the job', async () => {
    const fileId = await lab.upload('subtraction', 'host.fa.gz');
    const answer = await create({ subtraction_id: ' Homo walkiensis ', nickname: ' Walker ', file_id: fileId });
    const jobId = answer.body.job.id;
    expect(answer.status).toBe(201);
    // The old server sent the path of an API key.
    expect(answer.headers.get('Location')).toBe('/api/subtractions/Homo%20walkiensis');
    expect(answer.body).toEqual({
      id: 'Homo walkiensis',
      nickname: 'Walker',
      ready: false,
      is_host: true,
      file: { id: fileId, name: 'host.fa.gz' },
      user: { id: 'fred' },
      job: { id: expect.stringMatching(/^[0-9a-z]{8}$/) },
    });
    expect(await lab.store.jobs.get(jobId)).toMatchObject({
      task: 'create_subtraction',
      args: { subtraction_id: 'Homo walkiensis', file_id: fileId },
      user: { id: 'fred' },
    });
    expect(lab.started).toMatchObject([{ workflowType: 'create_subtraction', workflowId: `job-${jobId}` }]);
    expect(await lab.store.files.get(fileId)).toMatchObject({ reserved: true });
  });

  test('refuses a body that is not valid, field by field', async () => {
    expect((await create({})).body.errors).toEqual({ subtraction_id: ['required field'], file_id: ['required field'] });
    const blank = await create({ subtraction_id: '  ', file_id: 'x' });
    expect(blank).toMatchObject({ status: 422, body: { errors: { subtraction_id: ['empty values not allowed'] } } });
  });

  test('refuses a name that exists or means the same folder, before it looks at the file', async () => {
    await lab.addHost('Vitis vinifera');
    for (const name of ['Vitis vinifera', 'vitis_vinifera', 'VITIS VINIFERA']) {
      expect(await create({ subtraction_id: name, file_id: 'none' })).toMatchObject({
        status: 400,
        body: { id: 'bad_request', message: 'Subtraction name already exists' },
      });
    }
  });

  test.each(['../samples', 'a/b', 'a\\b', '..', '.hidden', 'a\u0000b', 'a\nb', 'x'.repeat(201)])(
    'refuses the name %j, which is no folder of its own',
    async (name) => {
      const fileId = await lab.upload('subtraction', 'host.fa');
      const answer = await create({ subtraction_id: name, file_id: fileId });
      expect(answer).toMatchObject({ status: 400, body: { id: 'bad_request' } });
      expect(await lab.store.files.get(fileId)).toMatchObject({ reserved: false });
    },
  );

  test('refuses a file that is unknown, of another type, not whole or taken', async () => {
    const reads = await lab.upload('reads', 'a.fq');
    const partial = await lab.upload('subtraction', 'partial.fa');
    await lab.store.files.collection.updateOne({ _id: partial }, { $set: { ready: false } });
    const taken = await lab.upload('subtraction', 'taken.fa');
    expect((await create({ subtraction_id: 'First', file_id: taken })).status).toBe(201);
    for (const fileId of ['unknown1-a.fa', reads, partial, taken]) {
      expect(await create({ subtraction_id: 'Second', file_id: fileId })).toMatchObject({
        status: 400,
        body: { message: 'File does not exist' },
      });
    }
    expect(await lab.store.subtractions.names()).toEqual(['First']);
  });

  test('needs the permission', async () => {
    expect((await create({ subtraction_id: 'A', file_id: 'x' }, 'anna')).status).toBe(403);
  });
});

describe('list', () => {
  test('is ordered by name, with the numbers of hosts', async () => {
    await lab.addHost('Vitis');
    await lab.addHost('Malus', { ready: false });
    await lab.addHost('Other', { is_host: false });
    const { body } = await lab.send('anna', 'GET', '/api/subtractions');
    expect(body.documents.map(({ id }: { id: string }) => id)).toEqual(['Malus', 'Other', 'Vitis']);
    expect(body.documents[0]).toEqual({
      id: 'Malus',
      file: { id: 'hostfile-host.fa.gz', name: 'host.fa.gz' },
      ready: false,
      job: { id: 'hostjob1' },
    });
    expect(body).toMatchObject({ host_count: 2, ready_host_count: 1, total_count: 3, found_count: 3, page_count: 1 });
  });

  test('search narrows down, and ids gives plain names', async () => {
    await lab.addHost('Vitis vinifera');
    await lab.addHost('Malus');
    const found = await lab.send('anna', 'GET', '/api/subtractions?find=VINI');
    expect(found.body).toMatchObject({ total_count: 2, found_count: 1, documents: [{ id: 'Vitis vinifera' }] });
    expect((await lab.send('anna', 'GET', '/api/subtractions?ids=true')).body).toEqual(['Malus', 'Vitis vinifera']);
  });

  // The old server ignored both filters, so new samples could be given unready hosts, and only the first 25.
  test('all usable hosts are in the answer that the page for new samples asks for', async () => {
    for (let number = 0; number < 30; number += 1) await lab.addHost(`Host ${number}`, { ready: number !== 7 });
    const { body } = await lab.send('anna', 'GET', '/api/subtractions?ready=true&is_host=true');
    expect(body.documents).toHaveLength(29);
    expect(body).toMatchObject({ total_count: 30, found_count: 29, page: 1, page_count: 1 });
    const page = await lab.send('anna', 'GET', '/api/subtractions?ready=true&is_host=true&page=2');
    expect(page.body).toMatchObject({ per_page: 25, page: 2, page_count: 2 });
    expect(page.body.documents).toHaveLength(4);
  });
});

describe('one', () => {
  const gc = { a: 0.2, t: 0.2, g: 0.3, c: 0.3, n: 0 };

  test('shows the samples that use it, to those who may read them', async () => {
    await lab.addHost('Vitis vinifera', { gc, count: 3, nickname: 'Grape' });
    await addSample('open0000', 'Vitis vinifera', { all_read: true });
    await addSample('closed00', 'Vitis vinifera');
    await addSample('other000', 'Malus', { all_read: true });
    const linked = async (user: string) => {
      const { body } = await lab.send(user, 'GET', '/api/subtractions/Vitis%20vinifera');
      expect(body).toMatchObject({ id: 'Vitis vinifera', nickname: 'Grape', gc, count: 3, is_host: true });
      return body.linked_samples;
    };
    expect(await linked('head')).toHaveLength(2);
    expect(await linked('anna')).toEqual([{ id: 'open0000', name: 'Sample open0000' }]);
    expect((await lab.send('anna', 'GET', '/api/subtractions/Unknown')).status).toBe(404);
  });

  test('an edit changes the nickname and answers with the whole', async () => {
    await lab.addHost('Vitis');
    const answer = await lab.send('fred', 'PATCH', '/api/subtractions/Vitis', { nickname: ' Wine ' });
    expect(answer).toMatchObject({ status: 200, body: { id: 'Vitis', nickname: 'Wine', linked_samples: [] } });
    const empty = await lab.send('fred', 'PATCH', '/api/subtractions/Vitis', {});
    expect(empty).toMatchObject({ status: 422, body: { errors: { nickname: ['required field'] } } });
    expect((await lab.send('fred', 'PATCH', '/api/subtractions/Unknown', { nickname: 'x' })).status).toBe(404);
    expect((await lab.send('anna', 'PATCH', '/api/subtractions/Vitis', { nickname: 'x' })).status).toBe(403);
  });
});

describe('remove', () => {
  const remove = (name: string, user = 'fred') =>
    lab.send(user, 'DELETE', `/api/subtractions/${encodeURIComponent(name)}`);

  const addFolder = async (name: string) => {
    await mkdir(lab.data.subtraction(name), { recursive: true });
    await writeFile(join(lab.data.subtraction(name), 'reference.1.bt2'), 'index');
  };

  test('takes the folder along', async () => {
    await lab.addHost('Vitis vinifera');
    await addFolder('Vitis vinifera');
    expect((await remove('Vitis vinifera')).status).toBe(204);
    await expect(stat(lab.data.subtraction('Vitis vinifera'))).rejects.toThrow('ENOENT');
    expect((await remove('Vitis vinifera')).status).toBe(404);
  });

  test('is refused while samples use it, whoever may read them', async () => {
    await lab.addHost('Vitis');
    await addSample('closed00', 'Vitis');
    expect(await remove('Vitis')).toMatchObject({ status: 409, body: { message: 'Has linked samples' } });
  });

  test('is refused while its job runs', async () => {
    const fileId = await lab.upload('subtraction', 'host.fa');
    const { body } = await create({ subtraction_id: 'Malus', file_id: fileId });
    expect(await remove('Malus')).toMatchObject({ status: 409, body: { id: 'conflict' } });
    await lab.store.jobs.close(body.job.id, { state: 'error', error: null });
    expect((await remove('Malus')).status).toBe(204);
  });

  test('keeps a folder that a name of an old release shares', async () => {
    await lab.addHost('Vitis vinifera');
    await lab.addHost('vitis_vinifera');
    await addFolder('Vitis vinifera');
    expect((await remove('Vitis vinifera')).status).toBe(204);
    expect((await stat(lab.data.subtraction('vitis_vinifera'))).isDirectory()).toBe(true);
  });

  test('needs the permission', async () => {
    expect((await remove('Vitis', 'anna')).status).toBe(403);
  });
});
