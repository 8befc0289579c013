import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { MockActivityEnvironment } from '@temporalio/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createCreateSampleControl, createCreateSampleSteps } from '../../../src/activities/jobs/create_sample.js';
import type { JobInput } from '../../../src/contracts/jobs.js';
import type { NewSample } from '../../../src/store/samples/samples.js';
import { adaptLogger } from '../../../src/workers/runtime.js';
import { quietLogger } from '../../support/logger.js';
import { type TestStore, testStore } from '../../support/store.js';
import { dataFile } from '../../tools/support.js';

const STEPS = [
  ['make_sample_dir', 'makeSampleDir'],
  ['copy_files', 'copySampleFiles'],
  ['fastqc', 'runSampleFastqc'],
  ['parse_fastqc', 'parseSampleFastqc'],
  ['clean_watch', 'cleanWatch'],
] as const;
const OWNER = {
  ...{ user: { id: 'bob' }, group: 'none', group_read: true, group_write: true, all_read: true, all_write: true },
  cost: { proc: 1, mem: 1 },
};

let site: TestStore;
beforeAll(async () => {
  site = await testStore();
  const host = {
    name: 'Vitis',
    clashesWith: () => false,
    nickname: '',
    fileId: await upload('host', 'x', 'subtraction'),
  };
  await site.store.subtractions.create({ ...host, userId: 'bob', cost: { proc: 1, mem: 1 } });
  await site.store.subtractions.collection.updateOne({ _id: 'Vitis' }, { $set: { ready: true } });
});
afterAll(() => site.dispose());

async function upload(
  name: string,
  content: Buffer | string,
  type: 'reads' | 'subtraction' = 'reads',
): Promise<string> {
  const file = await site.store.files.insert({ name, type, userId: 'bob' });
  await writeFile(site.data.file(file._id), content);
  await site.store.files.publish(file._id, content.length);
  return file._id;
}

/** Runs the job of a new sample to its end; `skip` leaves steps out. */
async function makeSample(
  contents: readonly (Buffer | string)[],
  changes: Partial<NewSample> = {},
  skip: string[] = [],
) {
  const files = await Promise.all(contents.map((content, i) => upload(['R1.fq.gz', 'R2.fq.gz'][i] as string, content)));
  const input = { srna: false, phred_offset: null, pairing: 'by_name', uniqueNames: false, ...changes } as const;
  const made = await site.store.samples.create({ name: 'S', subtraction: 'Vitis', files, ...input }, OWNER);
  if (typeof made === 'string') throw new Error(made);
  const { job, sample } = made;
  const jobInput: JobInput = { jobId: job._id, task: 'create_sample', args: job.args, cost: { proc: 1, mem: 1 } };
  const folder = site.data.sample(sample._id);
  const deps = { store: site.store, data: site.data, log: quietLogger };
  const steps = createCreateSampleSteps(deps);
  const run = async () => {
    for (const [stage, activity] of STEPS) {
      if (skip.includes(stage)) continue;
      const environment = new MockActivityEnvironment({ attempt: 1 }, { logger: adaptLogger(quietLogger) });
      const granted = { proc: 1, mem: 1 };
      await environment.run(steps[activity], { ...jobInput, granted, stage, progress: 0, share: 0.1, last: false });
    }
    await new MockActivityEnvironment().run(createCreateSampleControl(deps).finishCreateSample, jobInput);
    return { sample: await site.store.samples.get(sample._id), folder, jobInput };
  };
  return { run, folder, jobInput, sampleId: sample._id };
}

const GOOD = gunzipSync(await readFile(dataFile('bad/reads_good.fq.gz'))).toString('latin1');
const mates = (text: string, mate: number, sequenceShift = 0) => {
  const records = text.match(/(?:.*\n){4}/g) ?? [];
  return records
    .map((record, i) => {
      const [, , , quality] = record.split('\n');
      const sequence = records[(i + sequenceShift) % records.length]?.split('\n')[1];
      return `@run:${i} ${mate}:N:0\n${sequence}\n+\n${quality}\n`;
    })
    .join('');
};
const with64 = (text: string) =>
  text.replace(/(.*\n.*\n.*\n)(.*)\n/g, (_, lines, quality) => `${lines}${quality.replaceAll(/./g, 'h')}\n`);

test('a sample keeps what was found in its reads, and its folder the qualities', async () => {
  const { run } = await makeSample([gzipSync(GOOD.replaceAll('\n', '\r\n'))]);
  const { sample, folder } = await run();
  expect(sample).toMatchObject({
    imported: false,
    paired: false,
    quality: { count: 400, encoding: 'Sanger / Illumina 1.9' },
    phred: { offset: 33, decided_by: 'qualities', lowest: expect.any(Number), highest: expect.any(Number) },
    unique_names: true,
    warnings: [],
    notes: ['The ends of lines of R1.fq.gz were written as line feeds.'],
  });
  expect(sample).not.toHaveProperty('pairing');
  const made = ['analysis', 'checksums.json', 'fastqc_1.txt', 'qualities.json', 'reads_1.fq.gz'];
  expect((await readdir(folder)).sort()).toEqual(made);
  expect(gunzipSync(await readFile(join(folder, 'reads_1.fq.gz'))).toString('latin1')).toBe(GOOD);
  expect(await readFile(join(folder, 'fastqc_1.txt'), 'utf8')).toContain('Filename\treads_1.fq.gz\n');
});

test('a paired sample keeps how its mates were found', async () => {
  for (const pairing of ['by_name', 'by_order'] as const) {
    const { run } = await makeSample([mates(GOOD, 1), gzipSync(mates(GOOD, 2, 1))], { pairing });
    const { sample } = await run();
    expect(sample).toMatchObject({ pairing, paired: true, quality: { count: 800 }, warnings: [], notes: [] });
  }
});

test('a job that an older release has begun finds no findings, and reads the uploads itself', async () => {
  const { run, folder } = await makeSample([gzipSync(GOOD)], {}, ['copy_files']);
  const { sample } = await run();
  expect(sample).toMatchObject({ imported: false, quality: { count: 400 }, unique_names: true });
  expect(await readdir(folder)).toContain('reads_1.fq.gz');
});

describe('the offset', () => {
  test('of all qualities of both files is decided once', async () => {
    const { run } = await makeSample([with64(mates(GOOD, 1)), with64(mates(GOOD, 2, 1))]);
    const { sample } = await run();
    expect(sample).toMatchObject({ phred: { offset: 64, decided_by: 'qualities', lowest: 104, highest: 104 } });
    expect(sample?.quality).toMatchObject({
      encoding: 'Illumina 1.5',
      bases: expect.arrayContaining([expect.arrayContaining([40])]),
    });
  });

  test('that a user gives wins', async () => {
    const { run } = await makeSample([with64(GOOD)], { phred_offset: 33 });
    const { sample } = await run();
    expect(sample).toMatchObject({
      phred: { offset: 33, decided_by: 'user', reason: expect.stringContaining('Phred+64') },
      quality: { encoding: 'Sanger / Illumina 1.9' },
    });
  });

  test('that a user gives is refused when it is impossible, by name of the file', async () => {
    const { run } = await makeSample([with64(mates(GOOD, 1)), mates(GOOD, 2, 1)], { phred_offset: 64 });
    await expect(run()).rejects.toMatchObject({
      type: 'InvalidInput',
      message: expect.stringMatching(/^R2\.fq\.gz: .*offset 64/),
    });
  });

  test('of mates that really differ is refused by name of the file, without advice to upload again', async () => {
    const { run } = await makeSample([mates(GOOD, 1), with64(mates(GOOD, 2, 1))]);
    const error = await run().catch((reason) => reason);
    expect(error).toMatchObject({
      type: 'InvalidInput',
      message: expect.stringMatching(/R2\.fq\.gz have the offset 64, those of R1\.fq\.gz/),
    });
    expect(error.details[0].advice).not.toMatch(/upload/i);
  });
});

test('an index read among mates is refused by name, and an undo leaves nothing', async () => {
  const index = mates(GOOD, 2).replace(/(.*)\n(.{8}).*\n(.*)\n(.{8}).*\n/g, '$1\n$2\n$3\n$4\n');
  const { run, jobInput, sampleId, folder } = await makeSample([mates(GOOD, 1), index]);
  await expect(run()).rejects.toMatchObject({
    type: 'InvalidInput',
    message: expect.stringMatching(/^R2\.fq\.gz .*index read/),
  });
  await createCreateSampleControl({ store: site.store, data: site.data, log: quietLogger }).undoCreateSample(jobInput);
  expect(await site.store.samples.get(sampleId)).toBeNull();
  await expect(readdir(folder)).rejects.toMatchObject({ code: 'ENOENT' });
});
