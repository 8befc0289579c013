import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { WorkflowState } from '../../../src/activities/deps.js';
import { reconcileJobs } from '../../../src/activities/upkeep/reconcile_jobs.js';
import { beginRound } from '../../../src/activities/upkeep/round.js';
import { jobWorkflowId } from '../../../src/contracts/jobs.js';
import type { WorkflowStart } from '../../../src/contracts/workflow_starts.js';
import { randomId } from '../../../src/store/database/ids.js';
import { quietLogger } from '../../support/logger.js';
import { testRound } from '../../support/round.js';
import { type TestStore, testStore } from '../../support/store.js';

const MINUTE_MS = 60_000;

let context: TestStore;
let states: Map<string, WorkflowState>;
let actions: string[];
let refused: Set<string>;
beforeAll(async () => {
  context = await testStore();
});
afterAll(() => context.dispose());
beforeEach(async () => {
  states = new Map();
  actions = [];
  refused = new Set();
  await context.store.jobs.collection.deleteMany({});
});

async function insertJob(task = 'build_index'): Promise<string> {
  const { store } = context;
  const jobId = randomId();
  const job = { _id: jobId, task, args: { ref_id: 'r' }, proc: 2, mem: 4, userId: 'ann' };
  await store.database.transaction((session) => store.jobs.insert(job, session));
  return jobId;
}

/** One round, seen from `minutes` after now. */
function reconcile(minutes: number, round = testRound()) {
  const undo = async ({ jobId }: { jobId: string }) => {
    actions.push(`undo ${jobId}`);
  };
  const deps = {
    ...{ store: context.store, data: context.data, log: quietLogger, now: () => Date.now() + minutes * MINUTE_MS },
    undo: {
      ...{ create_sample: undo, update_sample: undo, create_subtraction: undo, build_index: undo },
      ...{ pathoscope_bowtie: undo, nuvs: undo },
    },
    workflows: {
      running: async () => new Set([...states].filter(([, state]) => state === 'running').map(([id]) => id)),
      state: async (id: string) => states.get(id) ?? ('unknown' as const),
      start: async ({ workflowId }: WorkflowStart) => {
        if (refused.has(workflowId)) throw new Error('fairness key too long');
        actions.push(`start ${workflowId}`);
      },
      cancel: async (id: string) => {
        actions.push(`cancel ${id}`);
      },
    },
  };
  return reconcileJobs(deps, round);
}
const lastOf = async (jobId: string) => (await context.store.jobs.get(jobId))?.status.at(-1);

describe('the reconciler', () => {
  test('starts a job that the API inserted and could not start', async () => {
    const jobId = await insertJob();
    expect(await reconcile(1)).toEqual({ started: 1, closed: 0, cancelled: 0, released: 0 });
    expect(actions).toEqual([`start ${jobWorkflowId(jobId)}`]);
  });

  // The API inserts the document first and starts the workflow a moment later.
  test('leaves a job alone that is a few seconds old', async () => {
    await insertJob();
    await reconcile(0);
    expect(actions).toEqual([]);
  });

  test('leaves a running job alone', async () => {
    states.set(jobWorkflowId(await insertJob()), 'running');
    await reconcile(1);
    expect(actions).toEqual([]);
  });

  test('undoes and closes a job whose workflow was ended from outside', async () => {
    const jobId = await insertJob();
    states.set(jobWorkflowId(jobId), 'closed');
    await reconcile(1);
    expect(actions).toEqual([`undo ${jobId}`]);
    expect(await lastOf(jobId)).toMatchObject({
      state: 'error',
      error: { type: 'WorkflowLost', class: 'worker_lost' },
    });
  });

  test('repeats a cancel that did not reach Temporal', async () => {
    const jobId = await insertJob();
    states.set(jobWorkflowId(jobId), 'running');
    await context.store.jobs.requestCancel(jobId);
    await reconcile(0);
    expect(actions).toEqual([`cancel ${jobWorkflowId(jobId)}`]);
  });

  test('cancels a job that was never started, without starting it', async () => {
    const jobId = await insertJob();
    await context.store.jobs.requestCancel(jobId);
    await reconcile(0);
    expect(actions).toEqual([`undo ${jobId}`]);
    expect(await lastOf(jobId)).toMatchObject({ state: 'cancelled', error: null });
  });

  test('closes a job of a kind that this server does not know', async () => {
    const jobId = await insertJob('rebuild_everything');
    await reconcile(1);
    expect(await lastOf(jobId)).toMatchObject({ state: 'error', error: { class: 'invalid_input' } });
  });

  test('cancels the workflow of a job that has ended long ago, not of one that has just ended', async () => {
    const jobId = await insertJob();
    states.set(jobWorkflowId(jobId), 'running');
    await context.store.jobs.close(jobId, { state: 'complete', error: null });
    await reconcile(1);
    expect(actions).toEqual([]);
    await reconcile(6);
    expect(actions).toEqual([`cancel ${jobWorkflowId(jobId)}`]);
  });
  // Otherwise one odd job keeps everybody's jobs from being started, cancelled and cleaned up.
  test('goes on behind a job that cannot be started, and says which one it was', async () => {
    const [first, second, third] = [await insertJob(), await insertJob(), await insertJob()];
    refused.add(jobWorkflowId(second));
    const round = testRound();
    expect(await reconcile(1, round)).toMatchObject({ started: 2 });
    expect(actions.sort()).toEqual([first, third].map((id) => `start ${jobWorkflowId(id)}`).sort());
    expect(round.failures()).toBe(`1 failed: job ${second} (fairness key too long)`);
  });

  test('looks at all unfinished jobs, however many there are', async () => {
    const { store } = context;
    const many = Array.from({ length: 260 }, () => randomId());
    const status = [{ state: 'waiting' as const, stage: null, error: null, progress: 0, timestamp: new Date() }];
    const job = { task: 'build_index', args: {}, proc: 1, mem: 1, user: { id: 'ann' }, created_at: new Date(), status };
    await store.jobs.collection.insertMany(many.map((_id) => ({ _id, ...job })));
    const last = await insertJob();
    await store.jobs.collection.updateOne({ _id: last }, { $set: { created_at: new Date() } });
    for (const id of many) states.set(jobWorkflowId(id), 'running');
    expect(await reconcile(1)).toMatchObject({ started: 1 });
    expect(actions).toEqual([`start ${jobWorkflowId(last)}`]);
  });

  test('ends between two jobs when it is cancelled', async () => {
    await insertJob();
    const stop = new AbortController();
    stop.abort(new Error('cancelled'));
    await expect(reconcile(1, beginRound(quietLogger, stop.signal))).rejects.toThrow('cancelled');
    expect(actions).toEqual([]);
  });
});
