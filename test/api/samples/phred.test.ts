import { mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { keepQualities, type SampleQualities, writeQualityTexts } from '../../../src/files/sample_qualities.js';
import { type Laboratory, laboratory } from '../../support/laboratory.js';

let lab: Laboratory;
beforeAll(async () => {
  lab = await laboratory();
});
afterAll(() => lab.dispose());
beforeEach(async () => {
  for (const name of ['subtraction', 'samples', 'files', 'jobs'] as const) {
    await lab.database.collection(name).deleteMany({});
  }
  await lab.addHost('Vitis');
});

const READING_33 = { quality: { count: 7, encoding: 'Sanger / Illumina 1.9' }, texts: ['left 33', 'right 33'] };
const READING_64 = { quality: { count: 7, encoding: 'Illumina 1.5' }, texts: ['left 64', 'right 64'] };
const DECIDED = { offset: 33, lowest: 66, highest: 104, reason: 'Because.' } as const;
const ALL: SampleQualities = { decided: DECIDED, byOffset: { 33: READING_33, 64: READING_64 } };

const create = (body: Record<string, unknown>) =>
  lab.send('head', 'POST', '/api/samples', { name: 'Sample', subtraction: 'Vitis', ...body });
const edit = (id: string, body: unknown) => lab.send('head', 'PATCH', `/api/samples/${id}`, body);
const detail = async (id: string) => (await lab.send('head', 'GET', `/api/samples/${id}`)).body;

/** A sample whose job has ended. */
async function finishedSample(kept: SampleQualities | null = ALL): Promise<{ id: string; folder: string }> {
  const made = await create({ files: [await lab.upload('reads', 'a'), await lab.upload('reads', 'b')] });
  const { id } = made.body;
  await lab.store.jobs.collection.deleteMany({});
  const folder = lab.data.sample(id);
  await mkdir(folder, { recursive: true });
  const facts = {
    phred: { ...DECIDED, decided_by: 'qualities' },
    unique_names: true,
    warnings: [],
    notes: [],
  } as const;
  if (kept) {
    await keepQualities(folder, kept);
    await writeQualityTexts(folder, READING_33);
    const { samples, database } = lab.store;
    await samples.stageQuality(id, READING_33.quality, { ...facts, warnings: [], notes: [] });
    await database.transaction((session) => samples.publish(id, session));
  } else {
    await lab.store.samples.collection.updateOne(
      { _id: id },
      { $set: { quality: READING_33.quality, imported: false } },
    );
  }
  return { id, folder };
}

const texts = (folder: string) =>
  Promise.all(['fastqc_1.txt', 'fastqc_2.txt'].map((name) => readFile(join(folder, name), 'utf8')));

describe('a new sample', () => {
  test('may say its offset and how mates are found, and its job is told', async () => {
    const files = [await lab.upload('reads', 'a'), await lab.upload('reads', 'b')];
    expect((await create({ files, phred_offset: 64, pairing: 'by_order' })).status).toBe(201);
    const [job] = await lab.store.jobs.collection.find().toArray();
    expect(job?.args).toMatchObject({ phred_offset: 64, pairing: 'by_order' });
  });

  test.each([{}, { phred_offset: null, pairing: null }])('leaves both to the reads (%j)', async (body) => {
    expect((await create({ files: [await lab.upload('reads', 'a')], ...body })).status).toBe(201);
    const [job] = await lab.store.jobs.collection.find().toArray();
    expect(job?.args).toMatchObject({ phred_offset: null, pairing: 'by_name' });
  });

  test('with another offset or another pairing is refused', async () => {
    const files = [await lab.upload('reads', 'a')];
    for (const phred_offset of [32, '33', true, {}]) {
      expect(await create({ files, phred_offset })).toMatchObject({
        status: 422,
        body: { errors: { phred_offset: ['must be 33 or 64'] } },
      });
    }
    expect((await create({ files, pairing: 'none' })).body.errors).toEqual({ pairing: ['unallowed value none'] });
  });
});

describe('the offset of a sample', () => {
  test('can be set, and quality and texts follow; null gives it back to the qualities', async () => {
    const { id, folder } = await finishedSample();
    expect(await edit(id, { phred_offset: 64, name: 'Old run' })).toMatchObject({
      status: 200,
      body: { name: 'Old run' },
    });
    expect(await detail(id)).toMatchObject({
      phred: { offset: 64, decided_by: 'user', lowest: 66, highest: 104, reason: expect.stringContaining('Because.') },
      quality: READING_64.quality,
      unique_names: true,
      warnings: [],
      notes: [],
    });
    expect(await texts(folder)).toEqual(READING_64.texts);
    expect((await edit(id, { phred_offset: null })).status).toBe(200);
    expect(await detail(id)).toMatchObject({
      phred: { ...DECIDED, decided_by: 'qualities' },
      quality: READING_33.quality,
    });
    expect(await texts(folder)).toEqual(READING_33.texts);
    expect((await readdir(folder)).filter((name) => name.includes('partial'))).toEqual([]);
  });

  test('stays while an analysis is under way, and so does all else of the request', async () => {
    const { id, folder } = await finishedSample();
    const job = { task: 'nuvs', args: { sample_id: id }, proc: 1, mem: 1, userId: 'head' } as const;
    const { _id } = await lab.database.transaction((session) => lab.store.jobs.insert({ _id: 'j1', ...job }, session));
    expect(await edit(id, { phred_offset: 64, name: 'New' })).toMatchObject({ status: 409, body: { id: 'conflict' } });
    expect(await detail(id)).toMatchObject({ name: 'Sample', phred: { offset: 33 }, quality: READING_33.quality });
    expect(await texts(folder)).toEqual(READING_33.texts);
    // What is as it was asks for nothing.
    expect((await edit(id, { phred_offset: null, name: 'New' })).status).toBe(200);
    await lab.store.jobs.close(_id, { state: 'complete', error: null });
    expect((await edit(id, { phred_offset: 64 })).status).toBe(200);
  });

  test('is refused where it is impossible, with a taken name, and with none of it kept', async () => {
    const impossible = await finishedSample({ decided: DECIDED, byOffset: { 33: READING_33 } });
    expect((await edit(impossible.id, { phred_offset: 64 })).body).toMatchObject({
      id: 'bad_request',
      message: expect.stringContaining('impossible'),
    });
    await lab.store.samples.collection.updateOne({ _id: impossible.id }, { $set: { name: 'Taken' } });
    const { id, folder } = await finishedSample();
    expect((await edit(id, { phred_offset: 64, name: 'Taken' })).status).toBe(400);
    expect(await texts(folder)).toEqual(READING_33.texts);
    expect(await detail(id)).toMatchObject({ phred: { offset: 33 } });
  });

  test('of a sample of an older release, or of one in progress, cannot be changed', async () => {
    const { id } = await finishedSample(null);
    expect((await edit(id, { phred_offset: 64 })).body).toMatchObject({
      id: 'bad_request',
      message: expect.stringContaining('older release'),
    });
    const made = await create({ name: 'New', files: [await lab.upload('reads', 'a')] });
    expect(await edit(made.body.id, { phred_offset: 64 })).toMatchObject({ status: 409 });
  });

  test('of a sample whose reads were replaced changes the texts of the new reads, not those of the old ones', async () => {
    const { id, folder } = await finishedSample({ ...ALL, textPrefix: 'replacement_fastqc_' });
    // As releases before 3.4 have left it.
    await lab.store.samples.collection.updateOne({ _id: id }, { $set: { imported: true } });
    expect((await edit(id, { phred_offset: 64 })).status).toBe(200);
    expect(await readFile(join(folder, 'replacement_fastqc_2.txt'), 'utf8')).toBe('right 64');
    expect(await texts(folder)).toEqual(['left 33', 'right 33']);
    expect((await detail(id)).quality).toEqual(READING_64.quality);
  });
});
