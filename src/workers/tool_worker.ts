import { Client, Connection } from '@temporalio/client';
import { Worker } from '@temporalio/worker';
import type { ActivityDeps } from '../activities/deps.js';
import { createToolActivities } from '../activities/index.js';
import { QUEUES, type SizeClass } from '../contracts/jobs.js';
import { HostBudget, type Limits } from './budget.js';
import { createGate } from './gate.js';
import { hostQueueName } from './host_queue.js';
import { takeUpLostSteps } from './lost_steps.js';
import { claimNamespace } from './namespace.js';
import { type RunningWorker, runWorker, type WorkerOptions } from './run_worker.js';
import { connectWorker } from './runtime.js';
import { ClassSlots } from './slots.js';

// Steps that wait for the budget or for another job are among them, and must not keep out the one that they wait for.
const CONTINUING_STEPS = 1_000;

/**
 * Starts the workers of one host that run the tools: `large` and `small` admit new jobs, the queue of the host goes on with
 * jobs that it has admitted. All share one budget. Resolves when they poll.
 */
export async function startToolWorker(
  deps: ActivityDeps,
  options: WorkerOptions & { limits: Limits },
): Promise<RunningWorker & { budget: HostBudget }> {
  const { address, namespace, signal, log, limits } = options;
  const connection = await connectWorker(address, signal, log);
  const budget = new HostBudget(limits);
  const hostQueue = hostQueueName(deps.data.root);
  await requireNamespace(options);
  // The same after a restart: what Temporal believes to run under this name is lost until these workers poll.
  const identity = hostQueue;
  await takeUpLostSteps(deps.store, options, identity);
  const activities = createToolActivities(deps);
  const gate = { budget, hostQueue, contact: { connection, namespace } };
  const common = {
    connection,
    namespace,
    identity,
    activities,
    maxHeartbeatThrottleInterval: '1s' as const,
    activityTaskPollerBehavior: { type: 'simple-maximum' as const, maximum: 1 },
    shutdownGraceTime: 0,
    shutdownForceTime: '10s' as const,
  };
  const admitting = (size: SizeClass) => {
    const slots = new ClassSlots(size, budget);
    return Worker.create({
      ...common,
      taskQueue: QUEUES[size],
      interceptors: { activity: [createGate({ ...gate, slots })] },
      tuner: {
        activityTaskSlotSupplier: slots,
        workflowTaskSlotSupplier: { type: 'fixed-size', numSlots: 2 },
        localActivityTaskSlotSupplier: { type: 'fixed-size', numSlots: 1 },
        nexusTaskSlotSupplier: { type: 'fixed-size', numSlots: 1 },
      },
    });
  };
  const workers = await Promise.all([
    admitting('large'),
    admitting('small'),
    Worker.create({
      ...common,
      taskQueue: hostQueue,
      interceptors: { activity: [createGate(gate)] },
      maxConcurrentActivityTaskExecutions: CONTINUING_STEPS,
    }),
  ]);
  return { ...runWorker(workers, () => connection.close()), budget };
}

async function requireNamespace({ address, namespace, installation }: WorkerOptions): Promise<void> {
  const connection = await Connection.connect({ address });
  try {
    await claimNamespace(new Client({ connection, namespace }), installation);
  } finally {
    await connection.close();
  }
}
