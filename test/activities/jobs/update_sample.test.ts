import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { MockActivityEnvironment } from '@temporalio/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createUpdateSampleControl, createUpdateSampleSteps } from '../../../src/activities/jobs/update_sample.js';
import { sampleFacts } from '../../../src/activities/reads/sample_facts.js';
import { pruneReads } from '../../../src/activities/upkeep/prune.js';
import type { JobInput } from '../../../src/contracts/jobs.js';
import type { Pairing } from '../../../src/contracts/reads.js';
import { openJobLog } from '../../../src/files/job_log.js';
import { REPLACEMENT_TYPE } from '../../../src/store/files.js';
import type { SampleDocument } from '../../../src/store/samples/samples.js';
import { adaptLogger } from '../../../src/workers/runtime.js';
import { quietLogger } from '../../support/logger.js';
import { testRound } from '../../support/round.js';
import { type TestStore, testStore } from '../../support/store.js';
import { dataFile } from '../../tools/support.js';

const STEPS = [
  ['copy_files', 'copyReplacements'],
  ['fastqc', 'runReplacementFastqc'],
  ['parse_fastqc', 'parseReplacementFastqc'],
  ['create_cache', 'createLegacyCache'],
  ['replace_old', 'replaceOldReads'],
] as const;
const OLD_QUALITY = { count: 2, encoding: 'old' };
const OLD_READS = ['@old 1\nACGT\n+\nIIII\n', '@old 2\nTTTT\n+\nIIII\n'];
const UNTOUCHED = ['analysis', 'fastqc_1.txt', 'reads_1.fastq', 'reads_2.fastq'];

let site: TestStore;
beforeAll(async () => {
  site = await testStore();
});
afterAll(() => site.dispose());
beforeEach(async () => {
  for (const name of ['samples', 'files', 'jobs', 'caches', 'analyses'] as const) {
    await site.store.database.collection(name).deleteMany({});
  }
});

const GOOD = gunzipSync(await readFile(dataFile('bad/reads_good.fq.gz'))).toString('latin1');
const mates = (text: string, mate: number) =>
  (text.match(/(?:.*\n){4}/g) ?? [])
    .map((record, i, all) => {
      const [, , , quality] = record.split('\n');
      return `@run:${i} ${mate}:N:0\n${all[(i + mate) % all.length]?.split('\n')[1]}\n+\n${quality}\n`;
    })
    .join('');

/** A sample as releases before 3.4 have left it: trimmed reads and the uploads by name only. */
async function oldSample(count: 1 | 2): Promise<string> {
  const id = `old0000${count}`;
  const files = OLD_READS.slice(0, count).map((_, index) => ({
    ...{ name: `reads_${index + 1}.fastq`, download_url: `/download/samples/${id}/reads_${index + 1}.fastq` },
    ...{ size: null, raw: false, from: { id: `upload${index}-a.fq`, name: 'a.fq', size: 10 } },
  }));
  const rights = { group: 'none', group_read: true, group_write: true, all_read: true, all_write: true };
  await site.store.samples.collection.insertOne({
    ...{ _id: id, name: 'Old', files, paired: count === 2, user: { id: 'bob' }, ...rights },
    ...{ format: 'fastq', imported: true, quality: OLD_QUALITY, subtraction: { id: 'Vitis' }, pathoscope: true },
    ...{ nuvs: false, created_at: new Date(), analyzed: false, hold: true, archived: false },
  });
  const folder = site.data.sample(id);
  await rm(folder, { recursive: true, force: true });
  await mkdir(join(folder, 'analysis'), { recursive: true });
  for (const [index, text] of OLD_READS.slice(0, count).entries()) {
    await writeFile(join(folder, `reads_${index + 1}.fastq`), text);
  }
  await writeFile(join(folder, 'fastqc_1.txt'), 'old statistics');
  return id;
}

async function addAnalysis(sampleId: string, id: string, ready: boolean, cache?: string): Promise<void> {
  await site.store.analyses.collection.insertOne({
    ...{ _id: id, ready, created_at: new Date(), job: { id: `job${id}` }, algorithm: 'nuvs', sample: { id: sampleId } },
    ...{ index: { id: 'i', version: 1 }, reference: { id: 'r', name: 'R' }, user: { id: 'bob' } },
    ...(cache ? { cache: { id: cache } } : {}),
  });
}

/** Uploads replacements for all files of a sample; gives the job that they start, with a way to run its steps. */
async function replace(sampleId: string, contents: readonly (Buffer | string)[], pairing: Pairing = 'by_name') {
  const start = { userId: 'bob', cost: { proc: 1, mem: 1 }, pairing, phredOffset: null };
  for (const [place, content] of contents.entries()) {
    const file = await site.store.files.insert({ name: `R${place + 1}.fq`, type: REPLACEMENT_TYPE, userId: 'bob' });
    await writeFile(site.data.file(file._id), content);
    const upload = { id: file._id, name: file.name, uploaded_at: file.uploaded_at, size: content.length };
    const added = await site.store.replacements.add(sampleId, place, upload, start);
    if (added === null || typeof added === 'string') throw new Error(String(added));
  }
  const job = await site.store.jobs.collection.findOne({ task: 'update_sample', 'status.state': { $ne: 'error' } });
  if (!job) throw new Error('no job');
  // As Temporal hands it over, without dates.
  const args = JSON.parse(JSON.stringify(job.args));
  const input: JobInput = { jobId: job._id, task: 'update_sample', args, cost: { proc: 1, mem: 1 } };
  const deps = { store: site.store, data: site.data, log: quietLogger };
  const control = createUpdateSampleControl(deps);
  const steps = createUpdateSampleSteps(deps);
  const runStep = async (stage: string, activity: keyof typeof steps) => {
    const environment = new MockActivityEnvironment({ attempt: 1 }, { logger: adaptLogger(quietLogger) });
    const granted = { proc: 1, mem: 1 };
    await environment.run(steps[activity], { ...input, granted, stage, progress: 0, share: 0.1, last: false });
  };
  return {
    input,
    uploads: (job.args as { files: { id: string }[] }).files.map(({ id }) => id),
    async runSteps(times = 1) {
      for (const [stage, activity] of STEPS) for (let i = 0; i < times; i++) await runStep(stage, activity);
    },
    runUntil: async (last: string) => {
      for (const [stage, activity] of STEPS) {
        await runStep(stage, activity);
        if (stage === last) return;
      }
    },
    finish: () => new MockActivityEnvironment().run(control.finishUpdateSample, input),
    undo: () => new MockActivityEnvironment().run(control.undoUpdateSample, input),
  };
}

const get = async (id: string) => (await site.store.samples.get(id)) as SampleDocument;

test('raw reads take the place of trimmed ones, which become the cache of the analyses that had them', async () => {
  const id = await oldSample(2);
  await addAnalysis(id, 'done', true);
  await addAnalysis(id, 'own', true, 'owncache');
  await addAnalysis(id, 'running', false);
  const before = await get(id);
  const contents = [gzipSync(mates(GOOD, 1)), mates(GOOD, 2).replaceAll('\n', '\r\n')];
  const job = await replace(id, contents);
  // Each step may run twice.
  await job.runSteps(2);

  const { staged: _, update_job, files: waiting, ...unchanged } = await get(id);
  expect(update_job).toEqual({ id: job.input.jobId });
  expect(unchanged).toEqual({ ...before, files: undefined });
  expect(waiting.map((file) => ({ ...file, replacement: undefined }))).toEqual(before.files);
  expect((await site.store.caches.ofSample(id)).map(({ ready }) => ready)).toEqual([false]);

  await job.finish();
  // A second end changes nothing.
  await job.finish();
  const sample = await get(id);
  expect(sample).toMatchObject({
    ...{ paired: true, pairing: 'by_name', imported: true, prune: true, unique_names: true, warnings: [] },
    quality: { count: 800, encoding: 'Sanger / Illumina 1.9' },
    phred: { offset: 33, decided_by: 'qualities' },
    notes: ['The ends of lines of R2.fq were written as line feeds.'],
    files: [1, 2].map((n) => ({
      ...{ name: `reads_${n}.fq.gz`, download_url: `/download/samples/${id}/reads_${n}.fq.gz`, raw: true },
      size: expect.any(Number),
      from: { id: job.uploads[n - 1], name: `R${n}.fq`, size: contents[n - 1]?.length, uploaded_at: expect.any(Date) },
    })),
  });
  for (const field of ['update_job', 'staged']) expect(sample).not.toHaveProperty(field);
  expect(sample.files[0]).not.toHaveProperty('replacement');
  const folder = site.data.sample(id);
  expect(gunzipSync(await readFile(join(folder, 'reads_2.fq.gz'))).toString('latin1')).toBe(mates(GOOD, 2));
  expect((await readdir(folder)).sort()).toEqual(
    [
      ...['analysis', 'checksums.json', 'fastqc_1.txt', 'qualities.json', 'reads_1.fastq', 'reads_1.fq.gz'],
      ...['reads_2.fastq', 'reads_2.fq.gz', 'replacement_fastqc_1.txt', 'replacement_fastqc_2.txt'],
    ].sort(),
  );

  const [cache] = await site.store.caches.ofSample(id);
  expect(cache).toMatchObject({
    ...{ ready: true, legacy: true, paired: true, program: 'skewer-0.2.2', quality: OLD_QUALITY },
    hash: '265662ec00d55a65b22d99f5413518e79a0d4351',
    parameters: { program: 'skewer', m: 'pe', l: '20', q: '20', Q: '25' },
    files: [{ name: 'reads_1.fq.gz' }, { name: 'reads_2.fq.gz' }],
  });
  const cached = join(site.data.cache(cache?._id ?? ''), 'reads_2.fq.gz');
  expect(gunzipSync(await readFile(cached)).toString()).toBe(OLD_READS[1]);
  const cacheOf = async (analysis: string) => (await site.store.analyses.get(analysis))?.cache?.id;
  expect(await cacheOf('done')).toBe(cache?._id);
  expect(await cacheOf('own')).toBe('owncache');
  expect(await cacheOf('running')).toBeUndefined();
  for (const upload of job.uploads) {
    expect(await site.store.files.get(upload)).toBeNull();
    await expect(readFile(site.data.file(upload))).rejects.toMatchObject({ code: 'ENOENT' });
  }

  expect(await pruneReads({ ...site, log: quietLogger }, testRound())).toBe(0);
  expect(await readdir(folder)).toContain('reads_1.fastq');
  await site.store.analyses.collection.updateOne({ _id: 'running' }, { $set: { ready: true } });
  expect(await pruneReads({ ...site, log: quietLogger }, testRound())).toBe(1);
  expect((await readdir(folder)).filter((name) => name.endsWith('.fastq'))).toEqual([]);
  expect(await get(id)).not.toHaveProperty('prune');
  expect(await cacheOf('running')).toBe(cache?._id);
});

describe('a job that does not get to its end', () => {
  test.each(STEPS.map(([stage]) => stage))('leaves everything as it was after %s', async (stage) => {
    const id = await oldSample(2);
    await addAnalysis(id, 'done', true);
    const before = await get(id);
    const job = await replace(id, [mates(GOOD, 1), mates(GOOD, 2)]);
    await job.runUntil(stage);
    await job.undo();
    await job.undo();
    const { files, ...sample } = await get(id);
    expect({ ...sample, files: files.map((file) => ({ ...file, replacement: undefined })) }).toEqual(before);
    expect((await readdir(site.data.sample(id))).filter((name) => name !== 'checksums.json').sort()).toEqual(UNTOUCHED);
    expect(await site.store.caches.ofSample(id)).toEqual([]);
    expect(await site.store.analyses.get('done')).not.toHaveProperty('cache');
    // They wait for another try.
    for (const upload of job.uploads) expect(await site.store.files.get(upload)).toMatchObject({ reserved: true });
  });

  test('cannot undo what another job of the sample is doing', async () => {
    const id = await oldSample(1);
    const first = await replace(id, [GOOD]);
    await first.undo();
    await site.store.jobs.close(first.input.jobId, { state: 'error', error: null });
    const second = await replace(id, [gzipSync(GOOD)]);
    await second.runSteps();
    await first.undo();
    await second.finish();
    expect(await get(id)).toMatchObject({ files: [{ raw: true }], quality: { count: 400 } });
    expect(await readdir(site.data.sample(id))).toContain('reads_1.fq.gz');
  });

  test('is never undone once it is complete', async () => {
    const id = await oldSample(1);
    const job = await replace(id, [GOOD]);
    await job.runSteps();
    await job.finish();
    await job.undo();
    expect(await get(id)).toMatchObject({ files: [{ raw: true }], quality: { count: 400 } });
    expect(await readdir(site.data.sample(id))).toContain('reads_1.fq.gz');
  });
});

test('reads that a new sample could not have are refused in the step in which that is known', async () => {
  const id = await oldSample(2);
  const job = await replace(id, [mates(GOOD, 1), mates(GOOD, 2).replaceAll('@run:', '@other:')]);
  await job.runUntil('copy_files');
  const refused = job.runUntil('fastqc');
  await expect(refused).rejects.toMatchObject({ type: 'InvalidInput', message: expect.stringMatching(/no mates/) });
});

test('mates by their order are taken when that is wanted', async () => {
  const id = await oldSample(2);
  const job = await replace(id, [mates(GOOD, 1), mates(GOOD, 2).replaceAll('@run:', '@other:')], 'by_order');
  await job.runSteps();
  await job.finish();
  expect(await get(id)).toMatchObject({ pairing: 'by_order', quality: { count: 800 } });
});

test('a sample that has lost its reads gets new ones, and the job says that the old ones were not kept', async () => {
  const id = await oldSample(1);
  await rm(join(site.data.sample(id), 'reads_1.fastq'));
  const job = await replace(id, [GOOD]);
  await job.runSteps();
  await job.finish();
  expect(await get(id)).toMatchObject({ files: [{ raw: true }] });
  expect(await site.store.caches.ofSample(id)).toEqual([]);
  const done = await site.store.jobs.get(job.input.jobId);
  expect(done?.notes).toMatchObject([{ stage: 'create_cache', text: expect.stringMatching(/not kept/) }]);
});

test('a job of release 3.7.3, which does not say what it is about, is refused', async () => {
  const id = await oldSample(1);
  const job = await replace(id, [GOOD]);
  delete (job.input.args as { files?: unknown }).files;
  await expect(job.runSteps()).rejects.toMatchObject({ type: 'InvalidInput' });
  await job.undo();
  expect((await readdir(site.data.sample(id))).sort()).toEqual(['analysis', 'fastqc_1.txt', 'reads_1.fastq']);
});

test('an analysis that looked at the old reads does not take what the sample says of the new ones', async () => {
  const id = await oldSample(1);
  const sample = await get(id);
  const job = await replace(id, [GOOD]);
  await job.runSteps();
  await job.finish();
  const paths = [join(site.data.sample(id), 'reads_1.fastq')];
  const context = { signal: new AbortController().signal, log: openJobLog(site.data, 'look0000'), attempt: '1' };
  const facts = sampleFacts({ ...site, log: quietLogger }, context, { sample, paths, folder: site.data.sample(id) });
  await expect(facts).rejects.toThrow(/replaced meanwhile/);
});
