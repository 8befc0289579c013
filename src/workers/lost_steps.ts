import {
  ActivityNotFoundError,
  Client,
  Connection,
  decodePendingActivityState,
  WorkflowNotFoundError,
} from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { forEachAtOnce } from '../activities/parallel.js';
import { jobWorkflowId } from '../contracts/jobs.js';
import { processWorkflowId } from '../contracts/processes.js';
import type { Store } from '../store/index.js';
import type { WorkerOptions } from './run_worker.js';

const AT_ONCE = 10;
const TAKE_UP_LIMIT_MS = 20_000;

/** Which worker was killed: the identity with which it took its steps, and the signal that ends the search for them. */
export type KilledWorker = { identity: string; signal: AbortSignal };

/**
 * Hands the steps of a killed worker back, so that they start again at once and not only after their heartbeat timeout. Temporal is
 * asked which ones these are, as the worker may have been killed before it knew of a step that Temporal had given to it. No worker
 * with this identity may run meanwhile. Gives their number.
 */
export async function handBackLostSteps(client: Client, store: Store, killed: KilledWorker): Promise<number> {
  const jobs = await store.jobs.unfinishedIds();
  const processes = await store.processes.unfinished();
  const workflowIds = [...jobs.map(jobWorkflowId), ...processes.map(({ _id }) => processWorkflowId(_id))];
  let lost = 0;
  await forEachAtOnce(workflowIds, AT_ONCE, killed.signal, async (workflowId) => {
    for (const activityId of await stepsOf(client, workflowId, killed.identity)) {
      if (await handBack(client, workflowId, activityId)) lost += 1;
    }
  });
  return lost;
}

/** The same for the worker that starts, under the identity that it had before. What cannot be done in a short time is left to the heartbeat timeouts. */
export async function takeUpLostSteps(
  store: Store,
  { address, namespace, signal, log }: WorkerOptions,
  identity: string,
): Promise<void> {
  const connection = await Connection.connect({ address });
  const client = new Client({ connection, namespace });
  try {
    const deadline = Date.now() + TAKE_UP_LIMIT_MS;
    const lost = await connection.withDeadline(deadline, () => handBackLostSteps(client, store, { identity, signal }));
    if (lost > 0) log.warn({ lost }, 'steps of a killed worker were handed back');
  } catch (err) {
    signal.throwIfAborted();
    log.warn({ err }, 'lost steps were not handed back; their heartbeat timeouts will do it');
  } finally {
    await connection.close();
  }
}

/** The steps of a workflow that Temporal believes to run on this worker. */
async function stepsOf(client: Client, workflowId: string, identity: string): Promise<string[]> {
  try {
    const { raw } = await client.workflow.getHandle(workflowId).describe();
    return (raw.pendingActivities ?? [])
      .filter(({ state, lastWorkerIdentity }) => lastWorkerIdentity === identity && isStarted(state))
      .map(({ activityId }) => activityId ?? '');
  } catch (error) {
    // The reconciler starts it.
    if (error instanceof WorkflowNotFoundError) return [];
    throw error;
  }
}

// One that waits for its next attempt names the worker of the last one.
function isStarted(state: Parameters<typeof decodePendingActivityState>[0]): boolean {
  return !['SCHEDULED', 'PAUSED'].includes(decodePendingActivityState(state) ?? '');
}

async function handBack(client: Client, workflowId: string, activityId: string): Promise<boolean> {
  const failure = ApplicationFailure.retryable('The worker was restarted', 'WorkerRestart');
  try {
    await client.activity.fail({ workflowId, activityId }, failure);
    return true;
  } catch (error) {
    // Its heartbeat timeout has come meanwhile.
    if (error instanceof ActivityNotFoundError) return false;
    throw error;
  }
}
