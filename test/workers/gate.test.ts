import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Context } from '@temporalio/activity';
import { CancelledFailure } from '@temporalio/common';
import { MockActivityEnvironment } from '@temporalio/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { loadReads } from '../../src/activities/analysis_files/inputs.js';
import { createNuvsSteps } from '../../src/activities/nuvs/steps.js';
import type { StepActivity } from '../../src/contracts/jobs.js';
import { ensureIndexes } from '../../src/store/database/indexes.js';
import { HostBudget } from '../../src/workers/budget.js';
import { createGate } from '../../src/workers/gate.js';
import { adaptLogger } from '../../src/workers/runtime.js';
import { quietLogger } from '../support/logger.js';
import { fastq, type NuvsJob, type NuvsLab, nuvsLab, testGenomes, tile } from '../support/nuvs_lab.js';
import { waitFor } from '../support/wait.js';

const COST = { proc: 2, mem: 2 };
const NOTHING = { proc: 0, mem: 0, waiting: 0 };

let lab: NuvsLab;
let steps: ReturnType<typeof createNuvsSteps>;
beforeAll(async () => {
  lab = await nuvsLab({ hmms: false });
  await ensureIndexes(lab.store.database);
  steps = createNuvsSteps({ ...lab, log: quietLogger });
});
afterAll(() => lab?.dispose());

/** A host that one job fills. */
const fullHost = () => new HostBudget({ host: COST, large: COST, small: COST });

/** Analyses of one sample with raw reads. */
async function newJobs(count: number): Promise<[NuvsJob, ...NuvsJob[]]> {
  const first = await lab.newJob([]);
  const { sample_id } = first.args;
  const files = [{ name: 'reads_1.fq.gz', raw: true }] as never;
  await lab.store.samples.collection.updateOne({ _id: sample_id }, { $set: { files, quality: { count: 50 } } });
  const reads = tile(testGenomes().unknown, 'read', 50).reads;
  await writeFile(join(lab.data.sample(sample_id), 'reads_1.fq.gz'), fastq(reads));
  const others = await Promise.all(Array.from({ length: count - 1 }, () => lab.rerun(first)));
  for (const { folder } of [first, ...others]) await mkdir(folder, { recursive: true });
  return [first, ...others];
}

/** A step on its way through the gate of a host. */
function start(budget: HostBudget, { input }: NuvsJob, step: StepActivity, stage: string) {
  const environment = new MockActivityEnvironment({ attempt: 1 }, { logger: adaptLogger(quietLogger) });
  let beats = 0;
  environment.on('heartbeat', () => {
    beats += 1;
  });
  const ended = environment.run(
    () =>
      createGate({ budget, hostQueue: 'tools-here' })(Context.current()).inbound?.execute?.(
        { args: [{ ...input, stage }], headers: {} },
        ({ args }) => step(args[0] as never),
      ) as Promise<unknown>,
  );
  ended.catch(() => undefined);
  return { ended, beats: () => beats, cancel: () => environment.cancel() };
}

const prepare = (budget: HostBudget, job: NuvsJob) => start(budget, job, steps.prepareReads, 'prepare_reads');
const hasBegun = async ({ input }: NuvsJob) =>
  (await lab.store.jobs.get(input.jobId))?.status.at(-1)?.stage === 'prepare_reads';

/** What is left when the worker of a job is killed while it trims. */
async function trimAndDie(job: NuvsJob): Promise<void> {
  const budget = fullHost();
  const killed = prepare(budget, job);
  const { collection } = lab.store.caches;
  await waitFor(() => collection.findOne({ 'job.id': job.input.jobId }), 'the cache to be claimed');
  killed.cancel();
  await expect(killed.ended).rejects.toBeInstanceOf(CancelledFailure);
}

// The host is full, and the job that makes the reads starts again after those that wait for them.
test('jobs that wait for the trimmed reads of another job leave it the host', async () => {
  const [maker, ...others] = await newJobs(3);
  await trimAndDie(maker);
  const budget = fullHost();
  const waiting = others.map((job) => prepare(budget, job));
  for (const job of others) await waitFor(() => hasBegun(job), 'a job to begin to wait');
  await prepare(budget, maker).ended;
  await start(budget, maker, steps.prepareQuality, 'prepare_qc').ended;
  await Promise.all(waiting.map(({ ended }) => ended));
  const { cacheId } = await loadReads(maker.folder);
  for (const { folder } of others) expect(await loadReads(folder)).toMatchObject({ cacheId });
  await waitFor(() => budget.inUse().proc === 0, 'the shares to be given back');
});

test('a job that waits for another one sends heartbeats, and a cancel ends it', async () => {
  const [maker, other] = await newJobs(2);
  await trimAndDie(maker);
  const budget = fullHost();
  const waiting = prepare(budget, other as NuvsJob);
  await waitFor(async () => (await hasBegun(other as NuvsJob)) && budget.inUse().proc === 0, 'the job to wait');
  const beats = waiting.beats();
  await waitFor(() => waiting.beats() > beats + 1, 'heartbeats');
  waiting.cancel();
  await expect(waiting.ended).rejects.toBeInstanceOf(CancelledFailure);
  expect(budget.inUse()).toEqual(NOTHING);
});
