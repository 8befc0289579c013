import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { WorkflowState } from '../../../src/activities/deps.js';
import { reconcileJobs } from '../../../src/activities/upkeep/reconcile_jobs.js';
import { jobWorkflowId } from '../../../src/contracts/jobs.js';
import { randomId } from '../../../src/store/database/ids.js';
import { quietLogger } from '../../support/logger.js';
import { type TestStore, testStore } from '../../support/store.js';

const MINUTE_MS = 60_000;

let context: TestStore;
let states: Map<string, WorkflowState>;
let actions: string[];
beforeAll(async () => {
  context = await testStore();
});
afterAll(() => context.dispose());
beforeEach(async () => {
  states = new Map();
  actions = [];
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
function reconcile(minutes: number) {
  const undo = async ({ jobId }: { jobId: string }) => {
    actions.push(`undo ${jobId}`);
  };
  return reconcileJobs({
    store: context.store,
    data: context.data,
    log: quietLogger,
    now: () => Date.now() + minutes * MINUTE_MS,
    undo: { create_sample: undo, create_subtraction: undo, build_index: undo, pathoscope_bowtie: undo, nuvs: undo },
    workflows: {
      running: async () => new Set([...states].filter(([, state]) => state === 'running').map(([id]) => id)),
      state: async (id) => states.get(id) ?? 'unknown',
      start: async ({ workflowId }) => {
        actions.push(`start ${workflowId}`);
      },
      cancel: async (id) => {
        actions.push(`cancel ${id}`);
      },
    },
  });
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
});
