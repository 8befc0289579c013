import { WorkflowFailedError } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { productLost } from '../../src/activities/errors.js';
import type { JobError } from '../../src/contracts/failures.js';
import { type StepInput, TASKS } from '../../src/contracts/jobs.js';
import { toStartOptions } from '../../src/contracts/start_options.js';
import { jobStart } from '../../src/contracts/workflow_starts.js';
import { type JobWorkers, startJobWorkers, toolFailure, untilCancelled } from '../support/job_workers.js';
import { type TestNamespace, testNamespace } from '../support/namespace.js';

const limits = { host: { proc: 2, mem: 8 }, large: { proc: 2, mem: 8 }, small: { proc: 2, mem: 4 } };
const STEPS = [
  'makeSubtractionDir',
  'unpackSubtraction',
  'setSubtractionStats',
  'buildSubtractionIndex',
  'compressSubtraction',
];
const ENDS = ['finishCreateSubtraction', 'undoCreateSubtraction'];
const stages = TASKS.create_subtraction.steps;

let namespace: TestNamespace;
let workers: JobWorkers;
let script: (input: StepInput) => Promise<void> = async () => undefined;
let endScript: (name: string) => Promise<void> = async () => undefined;

beforeAll(async () => {
  namespace = await testNamespace();
  workers = await startJobWorkers(
    namespace,
    { steps: STEPS, ends: ENDS },
    (input) => script(input),
    limits,
    undefined,
    (name) => endScript(name),
  );
});
afterAll(async () => {
  await workers?.stop();
  await namespace?.dispose();
});
beforeEach(() => {
  script = async () => undefined;
  endScript = async () => undefined;
});

const start = (jobId: string) => {
  const job = {
    _id: jobId,
    task: 'create_subtraction',
    args: { subtraction_id: 'Host' },
    proc: 2,
    mem: 4,
    user: { id: 'ann' },
  };
  const options = jobStart(job);
  return namespace.client.workflow.start(options.workflowType, toStartOptions(options));
};
const eventsOf = (jobId: string) =>
  workers.events.filter((event) => event.endsWith(` ${jobId}`)).map((event) => event.split(' ')[0]);

describe('the protocol of a job', () => {
  test('runs the steps in order and ends with the product', async () => {
    const handle = await start('ordered');
    await handle.result();
    expect(eventsOf('ordered')).toEqual([...stages, 'finishCreateSubtraction']);
    expect(workers.budget.inUse()).toEqual({ proc: 0, mem: 0, waiting: 0 });
  });

  test('tells each step its progress, its share of the job and what it was granted', async () => {
    const inputs: StepInput[] = [];
    script = async (input) => {
      inputs.push(input);
    };
    await (await start('told')).result();
    expect(inputs.map((input) => input.progress)).toEqual([0.17, 0.33, 0.5, 0.67, 0.83]);
    expect(inputs.map((input) => input.last)).toEqual([false, false, false, false, true]);
    expect(inputs.every((input) => input.granted?.proc === 2)).toBe(true);
  });

  // The web client reads only the last state, so nothing may come after it.
  test('undoes a failed job, then closes it with the error of the step', async () => {
    const error: JobError = {
      type: 'SubprocessError',
      traceback: [],
      details: ['Command failed'],
      class: 'tool_failed',
      step: 'bowtie_build',
      tool: 'bowtie2',
      exit_code: 1,
      advice: 'Look into the job log.',
    };
    script = async (input) => {
      if (input.stage === 'bowtie_build') throw toolFailure(error);
    };
    const handle = await start('failed');
    await expect(handle.result()).rejects.toBeInstanceOf(WorkflowFailedError);
    expect(eventsOf('failed')).toEqual([...stages.slice(0, 4), 'undoCreateSubtraction', 'error']);
    expect(workers.errors.get('failed')).toEqual(error);
  });

  test('tries a step again after trouble of the machine', async () => {
    let tries = 0;
    script = async (input) => {
      if (input.stage === 'unpack' && tries++ === 0) throw new Error('connection lost');
    };
    await (await start('retried')).result();
    expect(eventsOf('retried')).toEqual([
      ...['make_subtraction_dir', 'unpack', 'unpack', 'set_stats', 'bowtie_build', 'compress'],
      'finishCreateSubtraction',
    ]);
  });

  test('names the step that fails without a description', async () => {
    script = async (input) => {
      if (input.stage === 'set_stats') throw Object.assign(new Error('no way'), { name: 'ToolFailed' });
    };
    await expect((await start('undescribed')).result()).rejects.toBeInstanceOf(WorkflowFailedError);
    expect(workers.errors.get('undescribed')).toMatchObject({ step: 'set_stats', details: ['no way'], class: 'bug' });
  });

  test('undoes a job whose product is gone at its end, then closes it as failed', async () => {
    endScript = async (name) => {
      if (name === 'finishCreateSubtraction') throw productLost();
    };
    const handle = await start('gone');
    await expect(handle.result()).rejects.toBeInstanceOf(WorkflowFailedError);
    expect(eventsOf('gone')).toEqual([...stages, 'finishCreateSubtraction', 'undoCreateSubtraction', 'error']);
    expect(workers.errors.get('gone')).toMatchObject({ type: 'ProductLost', class: 'worker_lost' });
  });

  // Else it would run for ever, and nobody could cancel it.
  test.each(['failed', 'cancelled'])('closes a %s job whose undoing can never succeed, and says so', async (how) => {
    const jobId = `stuck-${how}`;
    script = async (input) => {
      if (input.stage !== 'unpack') return;
      if (how === 'failed') throw ApplicationFailure.nonRetryable('no room', 'ToolFailed');
      await untilCancelled();
    };
    endScript = async (name) => {
      if (name === 'undoCreateSubtraction') throw ApplicationFailure.nonRetryable('x is undefined', 'Bug');
    };
    const handle = await start(jobId);
    await vi.waitFor(() => expect(eventsOf(jobId)).toContain('unpack'), { timeout: 10_000 });
    if (how === 'cancelled') await handle.cancel();
    await expect(handle.result()).rejects.toBeInstanceOf(WorkflowFailedError);
    expect(eventsOf(jobId).slice(-2)).toEqual(['undoCreateSubtraction', 'error']);
    expect(workers.errors.get(jobId)?.details).toEqual([
      ...(how === 'failed' ? ['no room'] : []),
      'What the job had made could not be removed:',
      'x is undefined',
    ]);
  });

  test('undoes a cancelled job, then closes it as cancelled', async () => {
    script = async (input) => {
      if (input.stage === 'unpack') await untilCancelled();
    };
    const handle = await start('cancelled');
    await vi.waitFor(() => expect(eventsOf('cancelled')).toContain('unpack'), { timeout: 10_000 });
    await handle.cancel();
    await expect(handle.result()).rejects.toBeInstanceOf(WorkflowFailedError);
    expect(eventsOf('cancelled')).toEqual(['make_subtraction_dir', 'unpack', 'undoCreateSubtraction', 'cancelled']);
    expect(workers.budget.inUse()).toEqual({ proc: 0, mem: 0, waiting: 0 });
  });

  // With all cores in use the second job must stay "waiting": users see the difference.
  test('holds a job back until the one before has ended, not only until its step has', async () => {
    let release = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    script = async (input) => {
      if (input.jobId === 'first' && input.stage === 'unpack') await held;
    };
    const first = await start('first');
    await vi.waitFor(() => expect(eventsOf('first')).toContain('unpack'), { timeout: 10_000 });
    const second = await start('second');
    const third = await start('third');
    await third.cancel();
    await expect(third.result()).rejects.toBeInstanceOf(WorkflowFailedError);
    expect(eventsOf('second')).toEqual([]);
    release();
    await Promise.all([first.result(), second.result()]);
    const all = workers.events.filter((event) => /(first|second)$/.test(event));
    const lastOfFirst = all.indexOf('compress first');
    const firstOfSecond = all.indexOf('make_subtraction_dir second');
    expect(firstOfSecond).toBeGreaterThan(lastOfFirst);
    expect(eventsOf('third')).toEqual(['undoCreateSubtraction', 'cancelled']);
  });
});
