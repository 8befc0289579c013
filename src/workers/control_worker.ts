import { Client, Connection } from '@temporalio/client';
import { Worker } from '@temporalio/worker';
import type { ActivityDeps } from '../activities/deps.js';
import { createControlActivities } from '../activities/index.js';
import { QUEUES } from '../contracts/jobs.js';
import type { RemoteServices } from '../contracts/remote.js';
import { takeUpLostSteps } from './lost_steps.js';
import { claimNamespace, ensureRetention, ensureSearchAttributes } from './namespace.js';
import { type RunningWorker, runWorker, type WorkerOptions } from './run_worker.js';
import { connectWorker } from './runtime.js';
import { upsertSchedules } from './schedules.js';
import { createWorkflowControl } from './workflow_control.js';

const ACTIVITY_SLOTS = 20;

/**
 * Starts the worker of the queue `control`: all workflows, short database activities and clean-ups. Also brings the
 * namespace's search attributes and the schedules in line with the code. Resolves when it polls.
 */
export async function startControlWorker(
  deps: ActivityDeps & { remote: RemoteServices },
  options: WorkerOptions & { workflowBundlePath: string; refreshing: boolean },
): Promise<RunningWorker> {
  const { address, namespace, installation, signal, log } = options;
  const native = await connectWorker(address, signal, log);
  const connection = await Connection.connect({ address });
  const client = new Client({ connection, namespace });
  await claimNamespace(client, installation);
  await ensureSearchAttributes(connection, namespace);
  await ensureRetention(connection, namespace);
  await upsertSchedules(client, { refreshing: options.refreshing });
  // One at a time: what Temporal believes to run under this name is lost until this worker polls.
  const identity = `control-${installation}`;
  await takeUpLostSteps(deps.store, options, identity);
  const worker = await Worker.create({
    connection: native,
    namespace,
    identity,
    taskQueue: QUEUES.control,
    workflowBundle: { codePath: options.workflowBundlePath },
    activities: createControlActivities({ ...deps, workflows: createWorkflowControl(client) }),
    maxConcurrentActivityTaskExecutions: ACTIVITY_SLOTS,
    maxCachedWorkflows: 300,
    stickyQueueScheduleToStartTimeout: '3s',
    maxHeartbeatThrottleInterval: '1s',
    workflowTaskPollerBehavior: { type: 'simple-maximum', maximum: 3 },
    activityTaskPollerBehavior: { type: 'simple-maximum', maximum: 3 },
    shutdownForceTime: '20s',
  });
  return runWorker([worker], async () => {
    await connection.close();
    await native.close();
  });
}
