import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type ApplicationFailure, CancelledFailure } from '@temporalio/common';
import { MockActivityEnvironment } from '@temporalio/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { InvalidInput } from '../../../src/activities/errors.js';
import { waitOutside } from '../../../src/activities/steps/admission.js';
import { stepLimitMs } from '../../../src/activities/steps/limit.js';
import { createStep } from '../../../src/activities/steps/step.js';
import type { StepInput } from '../../../src/contracts/jobs.js';
import { openPartials, removePartials } from '../../../src/files/publish.js';
import { randomId } from '../../../src/store/database/ids.js';
import { toJobListItem } from '../../../src/store/jobs.js';
import { runTool } from '../../../src/tools/runner.js';
import { adaptLogger } from '../../../src/workers/runtime.js';
import { quietLogger } from '../../support/logger.js';
import { type TestStore, testStore } from '../../support/store.js';

let context: TestStore;
beforeAll(async () => {
  context = await testStore();
});
afterAll(() => context.dispose());

async function insertJob(): Promise<StepInput> {
  const { store } = context;
  const jobId = randomId();
  const job = { _id: jobId, task: 'create_sample', args: {}, proc: 2, mem: 4, userId: 'ann' };
  await store.database.transaction((session) => store.jobs.insert(job, session));
  const cost = { proc: 2, mem: 4 };
  return {
    jobId,
    task: 'create_sample',
    args: {},
    cost,
    granted: { proc: 1, mem: 3 },
    stage: 'fastqc',
    progress: 0.5,
    share: 0.17,
    last: false,
  };
}

const steps = () => createStep({ store: context.store, data: context.data, log: quietLogger });
const environment = () => new MockActivityEnvironment({ attempt: 1 }, { logger: adaptLogger(quietLogger) });
const statesOf = async (jobId: string) =>
  (await context.store.jobs.get(jobId))?.status.map((entry) => `${entry.state} ${entry.stage}`);

describe('a step', () => {
  test('appends its status once, also when it runs twice', async () => {
    const input = await insertJob();
    const step = steps()(async () => undefined);
    await environment().run(step, input);
    await environment().run(step, input);
    expect(await statesOf(input.jobId)).toEqual(['waiting null', 'running fastqc']);
  });

  test('works with what it was granted, not with what the job asked for', async () => {
    const input = await insertJob();
    let threads = 0;
    await environment().run(
      steps()(async (step) => {
        threads = step.threads;
      }),
      input,
    );
    expect(threads).toBe(1);
  });

  test('does nothing for a job that has ended', async () => {
    const input = await insertJob();
    await context.store.jobs.close(input.jobId, { state: 'cancelled', error: null });
    let ran = false;
    const step = steps()(async () => {
      ran = true;
    });
    await expect(environment().run(step, input)).rejects.toMatchObject({ type: 'JobClosed', nonRetryable: true });
    expect(ran).toBe(false);
    expect(await statesOf(input.jobId)).toEqual(['waiting null', 'cancelled null']);
  });

  // Temporal counts from 1 again when another host takes a step over, and the first host may still write.
  test('gives attempts that both believe to be the first names of their own', async () => {
    const input = await insertJob();
    const path = join(context.data.root, 'product');
    const names = new Set<string>();
    const step = steps()(async ({ attempt }) => {
      const { partial } = openPartials([['product', path]], attempt);
      names.add(partial.product);
    });
    await Promise.all([environment().run(step, input), environment().run(step, input)]);
    expect(names.size).toBe(2);
    for (const name of names) await writeFile(name, '');
    await removePartials(context.data.root);
    expect((await readdir(context.data.root)).filter((name) => name.startsWith('product'))).toEqual([]);
  });

  test('shows its progress as part of the job', async () => {
    const input = await insertJob();
    const { store } = context;
    const step = steps()(async ({ report }) => {
      report(0.5);
      await expect.poll(async () => toJobListItem((await store.jobs.get(input.jobId)) as never).progress).toBe(0.58);
    });
    await environment().run(step, input);
  });

  test('describes a failed tool: class, tool, exit code, stderr, advice, and no path of the server', async () => {
    const input = await insertJob();
    const step = steps()(async ({ signal, log }) => {
      await runTool(
        { argv: ['bowtie2-build', `${context.data.root}/missing.fa`, `${context.data.root}/x`] },
        { signal, log },
      );
    });
    const failure = await environment()
      .run(step, input)
      .catch((error: ApplicationFailure) => error);
    expect(failure).toMatchObject({ type: 'ToolFailed', nonRetryable: true });
    const described = (failure as ApplicationFailure).details?.[0];
    expect(described).toMatchObject({
      type: 'SubprocessError',
      class: expect.any(String),
      step: 'fastqc',
      tool: 'Bowtie 2',
      exit_code: 1,
    });
    expect(JSON.stringify(described)).toContain('<data>/missing.fa');
    expect(JSON.stringify(described)).not.toContain(context.data.root);
    const log = await readFile(context.data.jobLog(input.jobId), 'utf8');
    expect(log).toContain('Stage: fastqc');
    expect(log).toContain('Command: bowtie2-build <data>/missing.fa');
  });

  test('ends what takes longer than the size of its input allows, and tells so', async () => {
    const input = await insertJob();
    const upload = context.data.file('upload-reads.fq');
    await writeFile(upload, Buffer.alloc(2_000_000));
    const args = { files: [{ id: 'upload-reads.fq', name: 'reads.fq', size: 2_000_000 }] };
    const limitMs = (bytes: number) => bytes / 10_000;
    const step = createStep({ store: context.store, data: context.data, log: quietLogger }, { limitMs });
    const endless = step(async ({ signal }) => void (await runTool({ argv: ['sleep', '600'] }, { signal })));
    const failure = await environment()
      .run(endless, { ...input, args })
      .catch((error: ApplicationFailure) => error);
    expect(failure).toMatchObject({ type: 'ToolFailed', nonRetryable: true });
    expect((failure as ApplicationFailure).details?.[0]).toMatchObject({
      type: 'StepTooLong',
      class: 'tool_failed',
      details: [expect.stringMatching(/longer than .* h, the limit for 0\.002 GB of input/)],
    });
  });

  test('does not count the time in which it waits for another job', async () => {
    const input = await insertJob();
    const times = { limitMs: () => 2_000 };
    const step = createStep({ store: context.store, data: context.data, log: quietLogger }, times);
    const patient = step(({ signal }) => waitOutside(() => sleep(3_000, undefined, { signal })));
    await environment().run(patient, input);
  });

  test('refuses bad input for good, with its advice', async () => {
    const input = await insertJob();
    const step = steps()(async () => {
      throw new InvalidInput('The file is empty.', 'Upload it again.');
    });
    const failure = await environment()
      .run(step, input)
      .catch((error: ApplicationFailure) => error);
    expect(failure).toMatchObject({ type: 'InvalidInput', nonRetryable: true });
    expect((failure as ApplicationFailure).details?.[0]).toMatchObject({
      class: 'invalid_input',
      advice: 'Upload it again.',
    });
  });

  test('leaves trouble of the machine to a retry', async () => {
    const input = await insertJob();
    const step = steps()(async () => {
      throw new Error('connection lost');
    });
    await expect(environment().run(step, input)).rejects.toThrow('connection lost');
  });

  test('ends with the reason of a cancel, whatever the tool said', async () => {
    const input = await insertJob();
    const env = environment();
    const step = steps()(async ({ signal }) => {
      env.cancel();
      await runTool({ argv: ['sleep', '60'] }, { signal });
    });
    await expect(env.run(step, input)).rejects.toBeInstanceOf(CancelledFailure);
  });
});

test('the limit of a step grows with its input, and stays below the one of Temporal', () => {
  const hours = (gb: number) => stepLimitMs(gb * 1e9) / 3_600_000;
  expect([0, 0.1, 1, 5].map(hours)).toEqual([2, 2.8, 10, 42]);
  expect(hours(100)).toBe(47);
});
