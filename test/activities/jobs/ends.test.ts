import { existsSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createCreateSampleControl } from '../../../src/activities/jobs/create_sample.js';
import { createNuvsControl } from '../../../src/activities/nuvs/steps.js';
import { createAnalysisControl } from '../../../src/activities/pathoscope/steps.js';
import { removeSample } from '../../../src/api/samples/remove.js';
import type { JobInput } from '../../../src/contracts/jobs.js';
import type { Algorithm } from '../../../src/store/analyses.js';
import { type JobDocument, jobState } from '../../../src/store/jobs.js';
import { type Laboratory, laboratory } from '../../support/laboratory.js';
import { quietLogger } from '../../support/logger.js';

let lab: Laboratory;
beforeEach(async () => {
  lab = await laboratory();
  await lab.addHost('Host');
});
afterEach(() => lab.dispose());

/** A product whose last step is done, the ends of its job, and how far all of it is there. */
type Made = {
  input: JobInput;
  sampleId: string;
  folder: string;
  finish(): Promise<void>;
  undo(): Promise<void>;
  /** `whole` or `nothing`, else what there is. */
  left(): Promise<unknown>;
};

const depsOf = () => ({ store: lab.store, data: lab.data, log: quietLogger });
const inputOf = (job: JobDocument): JobInput => ({
  ...{ jobId: job._id, task: job.task, args: job.args, cost: { proc: job.proc, mem: job.mem } },
});
const owner = { user: { id: 'ann' }, group: 'none', all_read: true, all_write: true, group_read: true };
const QUALITY = { count: 7 };
const PHRED = { offset: 33, decided_by: 'qualities', lowest: 35, highest: 70, reason: '' } as const;
const FACTS = { phred: PHRED, unique_names: true, warnings: [], notes: [] };

async function madeSample(): Promise<Made> {
  const fileId = await lab.upload('reads', 'a.fq');
  const rights = { ...owner, group_write: true, cost: { proc: 1, mem: 1 } };
  const name = `S ${fileId}`;
  const wanted = { name, files: [fileId], srna: false, subtraction: 'Host', uniqueNames: true };
  const reading = { phred_offset: null, pairing: 'by_name' } as const;
  const made = await lab.store.samples.create({ ...wanted, ...reading }, rights);
  if (typeof made === 'string') throw new Error(made);
  const input = inputOf(made.job);
  const sampleId = made.sample._id;
  const folder = lab.data.sample(sampleId);
  await mkdir(join(folder, 'analysis'), { recursive: true });
  await lab.store.samples.stageQuality(sampleId, QUALITY, FACTS);
  const control = createCreateSampleControl(depsOf());
  return {
    ...{ input, sampleId, folder },
    finish: () => control.finishCreateSample(input),
    undo: () => control.undoCreateSample(input),
    async left() {
      const [sample, job, file] = await Promise.all([
        lab.store.samples.get(sampleId),
        lab.store.jobs.get(input.jobId),
        lab.store.files.get(fileId),
      ]);
      const state = job && jobState(job);
      const facts = [sample?.imported, sample?.quality?.count, state, existsSync(folder), file?.reserved];
      if (facts.join() === [false, 7, 'complete', true, undefined].join()) return 'whole';
      return facts.join() === [undefined, undefined, 'waiting', false, false].join() ? 'nothing' : facts;
    },
  };
}

async function madeAnalysis(algorithm: Algorithm): Promise<Made> {
  const { sampleId, finish } = await madeSample();
  await finish();
  const made = await lab.store.analyses.create({
    ...{ algorithm, sample: { id: sampleId, name: 'S' }, reference: { id: 'r', name: 'R' } },
    ...{ index: { id: 'i', version: 0 }, userId: 'ann', cost: { proc: 1, mem: 1 } },
  });
  if (!made) throw new Error('no sample');
  const input = inputOf(made.job);
  const analysisId = made.analysis._id;
  const folder = lab.data.analysis(sampleId, analysisId);
  await mkdir(folder, { recursive: true });
  await lab.store.analyses.stageResults(analysisId, { results: [{ id: 1 }], read_count: 3 });
  const control = createAnalysisControl(depsOf());
  const { finishNuvs } = createNuvsControl(depsOf());
  return {
    ...{ input, sampleId, folder },
    finish: () => (algorithm === 'nuvs' ? finishNuvs(input) : control.finishPathoscope(input)),
    undo: () => control.undoAnalysis(input),
    async left() {
      const [analysis, job, sample] = await Promise.all([
        lab.store.analyses.get(analysisId),
        lab.store.jobs.get(input.jobId),
        lab.store.samples.get(sampleId),
      ]);
      const tag = sample?.[algorithm === 'nuvs' ? 'nuvs' : 'pathoscope'];
      const state = job && jobState(job);
      const facts = [analysis?.ready, JSON.stringify(analysis?.results), state, existsSync(folder), tag];
      if (facts.join() === [true, '[{"id":1}]', 'complete', true, true].join()) return 'whole';
      const isUntagged = tag === false || sample === null;
      return isUntagged && facts.slice(0, 4).join() === [undefined, undefined, 'waiting', false].join()
        ? 'nothing'
        : facts;
    },
  };
}

const PRODUCTS = [
  ['a sample', madeSample],
  ['a Pathoscope analysis', () => madeAnalysis('pathoscope_bowtie')],
  ['a NuVs analysis', () => madeAnalysis('nuvs')],
] as const;

describe.each(PRODUCTS)('%s', (_, make) => {
  test('is there when its job is complete, and not before', async () => {
    const made = await make();
    const before = (await made.left()) as unknown[];
    expect([before[0], before[1]]).not.toContainEqual(expect.stringContaining('id'));
    expect(before[0]).not.toBe(true);
    expect(before.slice(1, 3)).toEqual([undefined, 'waiting']);
    await made.finish();
    expect(await made.left()).toBe('whole');
    // A worker may die right after the transaction.
    await made.finish();
    expect(await made.left()).toBe('whole');
  });

  test('is never undone once its job is complete', async () => {
    const made = await make();
    await made.finish();
    await made.undo();
    expect(await made.left()).toBe('whole');
    await lab.store.jobs.removeEnded(made.input.jobId);
    await made.undo();
    expect(existsSync(made.folder)).toBe(true);
  });

  test('is not made ready by a job that is being undone', async () => {
    const made = await make();
    await made.undo();
    await expect(made.finish()).rejects.toMatchObject({ nonRetryable: true });
    expect(await made.left()).toBe('nothing');
  });

  // Retried without end, this held a job that nobody could cancel.
  test('whose folder is gone ends its job', async () => {
    const made = await make();
    await rm(made.folder, { recursive: true });
    const lost = { type: 'ProductLost', nonRetryable: true, details: [{ class: 'worker_lost' }] };
    await expect(made.finish()).rejects.toMatchObject(lost);
    await made.undo();
    expect(await made.left()).toBe('nothing');
  });

  test('waits for a data directory that is not mounted', async () => {
    const made = await make();
    await rm(join(lab.data.root, 'samples'), { recursive: true });
    const error: unknown = await made.finish().catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'ENOENT' });
    expect(error).not.toHaveProperty('nonRetryable');
  });

  test('that ends and is undone at the same time is all there or not at all', { timeout: 60_000 }, async () => {
    const seen = new Set<unknown>();
    for (let round = 0; round < 6; round += 1) {
      const made = await make();
      const pause = () => new Promise((resolve) => setTimeout(resolve, round % 2 === 0 ? 0 : 3 * round));
      await Promise.allSettled([made.finish(), pause().then(made.undo)]);
      seen.add(await made.left());
    }
    expect([...seen].filter((state) => state !== 'whole' && state !== 'nothing')).toEqual([]);
  });

  test('whose sample is removed while its job ends leaves nothing', { timeout: 60_000 }, async () => {
    for (let round = 0; round < 4; round += 1) {
      const made = await make();
      const deps = { store: lab.store, files: lab.data, workflows: NO_WORKFLOWS } as never;
      const removal = removeSample(deps, made.sampleId, 0, quietLogger);
      const [ended] = await Promise.allSettled([made.finish(), removal]);
      // What a workflow does whose last activity fails.
      if (ended.status === 'rejected') await made.undo();
      expect(existsSync(made.folder)).toBe(false);
      expect(await lab.store.samples.get(made.sampleId)).toBeNull();
      const job = await lab.store.jobs.get(made.input.jobId);
      expect(job && jobState(job)).toBe(ended.status === 'rejected' ? 'waiting' : 'complete');
    }
  });
});

const NO_WORKFLOWS = { start: async () => undefined, cancel: async () => undefined, isReachable: async () => true };

test('a NuVs job that an older release has brought to its end keeps the results of its file', async () => {
  const made = await madeAnalysis('nuvs');
  await lab.store.analyses.collection.updateOne(
    { 'job.id': made.input.jobId },
    { $unset: { staged: '', staged_results: '' } },
  );
  await writeFile(join(made.folder, 'results.json'), '[]');
  await made.finish();
  expect(await lab.store.analyses.collection.findOne({ 'job.id': made.input.jobId })).toMatchObject({
    ready: true,
    results: 'file',
  });
});

test('a sample and an analysis that an older release has made ready before the end of their jobs stay so', async () => {
  const sample = await madeSample();
  const old = { $set: { quality: QUALITY, imported: false as const }, $unset: { staged: '' as const } };
  await lab.store.samples.collection.updateOne({ _id: sample.sampleId }, old);
  await sample.finish();
  expect(await sample.left()).toBe('whole');
  const analysis = await madeAnalysis('pathoscope_bowtie');
  await lab.store.analyses.collection.updateOne(
    { 'job.id': analysis.input.jobId },
    { $set: { ready: true, results: [{ id: 1 }] }, $unset: { staged: '', staged_results: '' } },
  );
  await analysis.finish();
  expect(await analysis.left()).toBe('whole');
});

test('neither messages nor answers show what is kept for the end of a job', async () => {
  const made = await madeAnalysis('pathoscope_bowtie');
  const { analysis_id: analysisId } = made.input.args as { analysis_id: string };
  const { status, body } = await lab.send('head', 'GET', `/api/analyses/${analysisId}`);
  expect(status).toBe(200);
  expect(JSON.stringify(body)).not.toMatch(/staged|read_count/);
  const list = await lab.send('head', 'GET', `/api/samples/${made.sampleId}/analyses`);
  expect(JSON.stringify(list.body)).not.toMatch(/staged|results/);
  await made.undo();
  const job = await lab.send('head', 'GET', `/api/jobs/${made.input.jobId}`);
  expect(job.body).not.toHaveProperty('undoing');
});
