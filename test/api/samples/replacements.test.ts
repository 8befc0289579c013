import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { formOf, type Laboratory, laboratory } from '../../support/laboratory.js';

let lab: Laboratory;
beforeAll(async () => {
  const uploader = { permissions: ['upload_file' as const] };
  lab = await laboratory({ ann: uploader, bob: uploader, fred: {} });
});
afterAll(() => lab.dispose());
beforeEach(async () => {
  for (const name of ['samples', 'files', 'jobs'] as const) await lab.database.collection(name).deleteMany({});
  lab.started.length = 0;
  for (const name of await onDisk()) await rm(lab.data.file(name));
});

/** A sample of ann, as releases before 3.4 have left it unless changed. */
async function addSample(count: 1 | 2, changes: Record<string, unknown> = {}, raw = false): Promise<string> {
  const id = `sample0${count}`;
  const files = Array.from({ length: count }, (_, index) => {
    const name = `reads_${index + 1}.${raw ? 'fq.gz' : 'fastq'}`;
    const from = { id: `upload${index}-a.fq`, name: 'a.fq', size: 10 };
    return { name, download_url: `/download/samples/${id}/${name}`, size: null, raw, from };
  });
  await lab.store.samples.collection.insertOne({
    ...{ _id: id, name: 'Old', files, paired: count === 2, user: { id: 'ann' }, group: 'none', group_read: true },
    ...{ group_write: true, all_read: true, all_write: false, format: 'fastq', imported: true, quality: { count: 1 } },
    ...{ subtraction: { id: 'Vitis' }, pathoscope: true, nuvs: false, created_at: new Date(), analyzed: false },
    ...{ hold: true, archived: false, ...changes },
  });
  return id;
}

const upload = (id: string, place: number | string, name = 'new.fq', user = 'ann') =>
  lab.send(user, 'POST', `/upload/samples/${id}/files/${place}${name && `?name=${name}`}`, formOf(`reads of ${name}`));
const start = (id: string, body?: unknown, user = 'ann') =>
  lab.send(user, 'PUT', `/api/samples/${id}/update_job`, body);
const jobs = () => lab.store.jobs.collection.find().toArray();
const onDisk = async () => (await readdir(lab.data.files)).filter((name) => name !== '.incoming');

describe('an upload for a reads file', () => {
  test('waits in the sample until every file has one, and then the job starts', async () => {
    const id = await addSample(2);
    const first = await upload(id, 1, 'left.fq');
    expect(first.status).toBe(201);
    expect(first.headers.get('Location')).toBeNull();
    expect(first.body).toEqual({
      ...{ id: expect.stringMatching(/-left\.fq$/), name: 'left.fq', type: 'sample_replacement', user: { id: 'ann' } },
      ...{ uploaded_at: expect.stringMatching(/Z$/), ready: false, reserved: true },
    });
    expect(await lab.store.files.get(first.body.id)).toMatchObject({ ready: true, reserved: true, size: 16 });
    const { body } = await lab.send('ann', 'GET', `/api/samples/${id}`);
    const { id: fileId, name, uploaded_at } = first.body;
    expect(body.files[0]).toMatchObject({
      ...{ replacement: { id: fileId, name, uploaded_at }, raw: false },
      replace_url: `/upload/samples/${id}/files/1`,
    });
    expect(body.files[1]).not.toHaveProperty('replacement');
    expect(await jobs()).toEqual([]);
    // It can be used for nothing else.
    expect((await lab.send('ann', 'GET', '/api/files')).body.documents).toEqual([]);

    const second = await upload(id, 2, 'right.fq');
    const [job, ...others] = await jobs();
    expect(others).toEqual([]);
    expect(job).toMatchObject({
      ...{ task: 'update_sample', proc: 2, mem: 4, user: { id: 'ann' }, status: [{ state: 'waiting' }] },
      args: {
        ...{ sample_id: id, srna: false, phred_offset: null, pairing: 'by_name' },
        files: [
          { id: first.body.id, name: 'left.fq', size: 16 },
          { id: second.body.id, name: 'right.fq', size: 17 },
        ],
      },
    });
    expect(lab.started.map(({ workflowId }) => workflowId)).toEqual([`job-${job?._id}`]);
    expect((await lab.send('ann', 'GET', `/api/samples/${id}`)).body.update_job).toEqual({ id: job?._id });
  });

  test('takes the place of an earlier one for the same file, which is gone then', async () => {
    const id = await addSample(2);
    const { body: former } = await upload(id, 1, 'wrong.fq');
    const { body: latter } = await upload(id, 1, 'right.fq');
    expect(await lab.store.files.get(former.id)).toBeNull();
    expect(await onDisk()).toEqual([latter.id]);
    expect((await lab.store.samples.get(id))?.files[0]).toMatchObject({ replacement: { name: 'right.fq' } });
  });

  test('is refused while the job is under way, and not any more after it has failed', async () => {
    const id = await addSample(1);
    await upload(id, 1);
    const [job] = await jobs();
    const refused = await upload(id, 1, 'again.fq');
    expect(refused.body).toMatchObject({ id: 'conflict', message: expect.stringMatching(/being replaced/) });
    expect(refused.status).toBe(409);
    expect(await lab.store.files.collection.countDocuments()).toBe(1);
    await lab.store.jobs.close(job?._id ?? '', { state: 'error', error: null });
    expect((await upload(id, 1, 'again.fq')).status).toBe(201);
    expect(await jobs()).toHaveLength(2);
  });

  test('of the last files, both at once, starts one job', async () => {
    const id = await addSample(2);
    const answers = await Promise.all([upload(id, 1), upload(id, 2), upload(id, 1), upload(id, 2)]);
    expect(answers.map(({ status }) => status).every((status) => status === 201 || status === 409)).toBe(true);
    expect(await jobs()).toHaveLength(1);
    expect(await lab.store.files.collection.countDocuments()).toBe(2);
    expect(await onDisk()).toHaveLength(2);
  });

  test('needs the permission and the right to write', async () => {
    const id = await addSample(1);
    expect(await upload(id, 1, 'a.fq', 'fred')).toMatchObject({ status: 403, body: { message: 'Not permitted' } });
    expect(await upload(id, 1, 'a.fq', 'bob')).toMatchObject({ status: 403, body: { message: 'Insufficient rights' } });
    expect(await lab.store.files.collection.countDocuments()).toBe(0);
  });

  test.each([
    ['nosample', 1, 'Not found'],
    ['sample01', 2, 'Sample is not paired'],
    ['sample01', '3', 'Invalid file suffix. Must be 1 or 2.'],
    ['sample01', 'x', 'Invalid file suffix. Must be 1 or 2.'],
  ])('of %s, file %s, is not found', async (id, place, message) => {
    await addSample(1);
    expect(await upload(id, place)).toMatchObject({ status: 404, body: { message } });
  });

  test('without a name is refused', async () => {
    expect(await upload(await addSample(1), 1, '')).toMatchObject({
      status: 422,
      body: { errors: { name: ['required field'] } },
    });
  });

  test('for raw reads, or for a sample that is still being imported, is refused', async () => {
    const id = await addSample(1, {}, true);
    const refused = await upload(id, 1);
    expect(refused.status).toBe(409);
    expect(refused.body.message).toMatch(/raw reads already/);
    await lab.store.samples.collection.updateOne({ _id: id }, { $set: { imported: 'ip' } });
    expect(await upload(id, 1)).toMatchObject({ status: 409, body: { message: 'Sample is still being imported' } });
    expect(await onDisk()).toEqual([]);
  });

  test('that breaks off leaves nothing', async () => {
    const id = await addSample(1);
    const broken = await lab.send('ann', 'POST', `/upload/samples/${id}/files/1?name=a.fq`, 'no form');
    expect(broken.status).toBe(400);
    expect(await lab.store.files.collection.countDocuments()).toBe(0);
    expect((await lab.store.samples.get(id))?.files[0]).not.toHaveProperty('replacement');
  });
});

describe('the start of a replacement', () => {
  test('without any answers with the sample and changes nothing', async () => {
    for (const raw of [true, false]) {
      await lab.store.samples.collection.deleteMany({});
      const id = await addSample(2, {}, raw);
      const { status, body } = await start(id);
      expect(status).toBe(200);
      expect(Object.keys(body).sort()).toEqual(
        [
          ...['all_read', 'all_write', 'archived', 'created_at', 'group', 'group_read', 'group_write', 'id'],
          ...['imported', 'name', 'nuvs', 'pathoscope', 'user'],
        ].sort(),
      );
    }
    expect(await jobs()).toEqual([]);
  });

  test('forgets an upload that is gone', async () => {
    const id = await addSample(2);
    const { body } = await upload(id, 1);
    await lab.store.files.collection.deleteOne({ _id: body.id });
    expect((await start(id)).status).toBe(200);
    expect((await lab.store.samples.get(id))?.files[0]).toMatchObject({ replacement: null });
  });

  test('again after a failure takes other options', async () => {
    const id = await addSample(1);
    await upload(id, 1);
    expect((await start(id)).status).toBe(200);
    const [failed] = await jobs();
    await lab.store.jobs.close(failed?._id ?? '', { state: 'error', error: null });
    expect((await start(id, { pairing: 'by_order', phred_offset: 64 })).status).toBe(200);
    const [, again] = await jobs();
    expect(again?.args).toMatchObject({ pairing: 'by_order', phred_offset: 64 });
    expect(await start(id, { phred_offset: 12 })).toMatchObject({ status: 422 });
  });

  test('is for those who may write', async () => {
    const id = await addSample(1);
    expect((await start(id, undefined, 'bob')).status).toBe(403);
    expect((await start('nosample')).status).toBe(404);
  });
});

test('the removal of a sample takes its replacements along', async () => {
  const id = await addSample(2);
  await upload(id, 1);
  await mkdir(lab.data.sample(id), { recursive: true });
  await writeFile(`${lab.data.sample(id)}/reads_1.fastq`, 'reads');
  expect((await lab.send('ann', 'DELETE', `/api/samples/${id}`)).status).toBe(204);
  expect(await lab.store.files.collection.countDocuments()).toBe(0);
  expect(await onDisk()).toEqual([]);
});
