import { Worker } from '@temporalio/worker';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { QUEUES } from '../../src/contracts/jobs.js';
import { toStartOptions } from '../../src/contracts/start_options.js';
import { jobStart } from '../../src/contracts/workflow_starts.js';
import { handBackLostSteps } from '../../src/workers/lost_steps.js';
import { type TestNamespace, testNamespace } from '../support/namespace.js';
import { workflowBundlePath } from '../support/servers.js';
import { type TestStore, testStore } from '../support/store.js';

const HERE = 'tools-here';
const POLL_LIMIT_MS = 15_000;
const { signal } = new AbortController();

let namespace: TestNamespace;
let database: TestStore;
let control: Worker;
let run: Promise<void>;
const ends: string[] = [];

beforeAll(async () => {
  [namespace, database] = await Promise.all([testNamespace(), testStore()]);
  control = await Worker.create({
    connection: namespace.native,
    namespace: namespace.namespace,
    taskQueue: QUEUES.control,
    workflowBundle: { codePath: workflowBundlePath() },
    activities: {
      undoCreateSubtraction: async () => undefined,
      closeJob: async ({ jobId, state }: { jobId: string; state: string }) => {
        ends.push(`${jobId} ${state}`);
      },
    },
  });
  run = control.run();
});

afterAll(async () => {
  control?.shutdown();
  await run;
  await Promise.all([namespace?.dispose(), database?.dispose()]);
});

/** Inserts a job and starts its workflow. */
async function startJob(id: string) {
  const args = { subtraction_id: id };
  const { store } = database;
  const job = { _id: id, task: 'create_subtraction', args, proc: 1, mem: 1, userId: 'ann' };
  const start = jobStart(await store.database.transaction((session) => store.jobs.insert(job, session)));
  return namespace.client.workflow.start(start.workflowType, toStartOptions(start));
}

/** Takes the next step, as a worker does that is killed before it knows. */
async function takeAndDie(identity: string): Promise<{ workflowId: string; attempt: number }> {
  const { client } = namespace;
  const request = { namespace: namespace.namespace, taskQueue: { name: QUEUES.small }, identity };
  const poll = () => client.workflowService.pollActivityTaskQueue(request);
  const { workflowExecution, attempt } = await client.connection.withDeadline(Date.now() + POLL_LIMIT_MS, poll);
  return { workflowId: workflowExecution?.workflowId ?? '', attempt: Number(attempt) };
}

const handBack = () => handBackLostSteps(namespace.client, database.store, { identity: HERE, signal });

// Otherwise the job would stand still for two minutes, until the heartbeat timeout.
test('the steps that a killed worker was given are handed back once, and those of other workers go on', async () => {
  await startJob('lost');
  expect(await takeAndDie(HERE)).toEqual({ workflowId: 'job-lost', attempt: 1 });
  await startJob('elsewhere');
  expect(await takeAndDie('tools-there')).toEqual({ workflowId: 'job-elsewhere', attempt: 1 });
  expect(await handBack()).toBe(1);
  expect(await handBack()).toBe(0);
  expect(await takeAndDie('tools-there')).toEqual({ workflowId: 'job-lost', attempt: 2 });
});

test('a job that was to be cancelled when its worker was killed is cancelled', async () => {
  const handle = await startJob('unwanted');
  await takeAndDie(HERE);
  await handle.cancel();
  expect(await handBack()).toBe(1);
  await expect(handle.result()).rejects.toThrow();
  expect(ends).toEqual(['unwanted cancelled']);
});

test('a job without a workflow is left to the reconciler', async () => {
  const job = { _id: 'young', task: 'create_subtraction', args: {}, proc: 1, mem: 1, userId: 'ann' };
  await database.store.database.transaction((session) => database.store.jobs.insert(job, session));
  expect(await handBack()).toBe(0);
});
