import { ApplicationFailure, Context, cancelled } from '@temporalio/activity';
import { type NativeConnection, Worker } from '@temporalio/worker';
import { createStepsActivities } from '../../src/activities/steps/steps.js';
import type { JobError } from '../../src/contracts/failures.js';
import { type JobInput, QUEUES, type StepInput } from '../../src/contracts/jobs.js';
import { HostBudget, type Limits } from '../../src/workers/budget.js';
import type { ContactTimes } from '../../src/workers/contact.js';
import { createGate } from '../../src/workers/gate.js';
import { ClassSlots } from '../../src/workers/slots.js';
import type { TestNamespace } from './namespace.js';
import { workflowBundlePath } from './servers.js';

/** What the recorded activities do for a step; the default is nothing. */
export type StepScript = (input: StepInput) => Promise<void>;

/** Workers with the real gate and recorded activities. */
export type JobWorkers = {
  /** What happened, in order: `step job`, `undo job`, `complete job`, `cancelled job`, `error job`. */
  events: string[];
  errors: Map<string, JobError | null>;
  budget: HostBudget;
  stop(): Promise<void>;
};

const FIXED = { type: 'fixed-size' as const, numSlots: 2 };

/** Another way from the tool workers to Temporal, and how they watch it. */
export type ToolContact = { connection: NativeConnection; times: ContactTimes };

/** Starts control and tool workers for one namespace; `names` are the step activities of the job under test. */
export async function startJobWorkers(
  namespace: TestNamespace,
  names: { steps: readonly string[]; ends: readonly string[] },
  script: StepScript,
  limits: Limits,
  contact?: ToolContact,
  endScript: (name: string, input: JobInput) => Promise<void> = async () => undefined,
): Promise<JobWorkers> {
  const events: string[] = [];
  const errors = new Map<string, JobError | null>();
  const budget = new HostBudget(limits);
  const step = async (input: StepInput) => {
    events.push(`${input.stage} ${input.jobId}`);
    await script(input);
  };
  const begunStages = async (jobId: string) =>
    events.map((event) => event.split(' ')).flatMap(([stage = '', id]) => (id === jobId ? [stage] : []));
  const end = (name: string) => async (input: JobInput) => {
    events.push(`${name} ${input.jobId}`);
    await endScript(name, input);
  };
  const control = {
    ...Object.fromEntries(names.ends.map((name) => [name, end(name)])),
    completeJob: async ({ jobId }: { jobId: string }) => {
      events.push(`complete ${jobId}`);
    },
    closeJob: async (input: { jobId: string; state: string; error: JobError | null }) => {
      events.push(`${input.state} ${input.jobId}`);
      errors.set(input.jobId, input.error);
    },
  };
  const each = Object.fromEntries(names.steps.map((name) => [name, step]));
  const tools = { ...each, ...createStepsActivities({ store: { jobs: { begunStages } } }, each) };
  const common = { connection: namespace.native, namespace: namespace.namespace };
  const toolConnection = contact?.connection ?? namespace.native;
  const gate = {
    ...{ budget, hostQueue: 'tools-test' },
    ...(contact ? { contact: { ...contact, namespace: namespace.namespace } } : {}),
  };
  const poller = { type: 'simple-maximum' as const, maximum: 1 };
  const admitting = (size: 'large' | 'small') => {
    const slots = new ClassSlots(size, budget);
    return Worker.create({
      ...common,
      connection: toolConnection,
      taskQueue: QUEUES[size],
      activities: tools,
      interceptors: { activity: [createGate({ ...gate, slots })] },
      tuner: {
        activityTaskSlotSupplier: slots,
        workflowTaskSlotSupplier: FIXED,
        localActivityTaskSlotSupplier: FIXED,
        nexusTaskSlotSupplier: FIXED,
      },
      activityTaskPollerBehavior: poller,
      maxHeartbeatThrottleInterval: '1s',
    });
  };
  const workers = await Promise.all([
    Worker.create({
      ...common,
      taskQueue: QUEUES.control,
      activities: control,
      workflowBundle: { codePath: workflowBundlePath() },
    }),
    admitting('large'),
    admitting('small'),
    Worker.create({
      ...common,
      connection: toolConnection,
      taskQueue: gate.hostQueue,
      activities: tools,
      interceptors: { activity: [createGate(gate)] },
      maxHeartbeatThrottleInterval: '1s',
    }),
  ]);
  const runs = workers.map((worker) => worker.run());
  return {
    events,
    errors,
    budget,
    async stop() {
      for (const worker of workers) worker.shutdown();
      await Promise.all(runs);
    },
  };
}

/** A step that runs until it is cancelled, with heartbeats. */
export async function untilCancelled(): Promise<void> {
  const timer = setInterval(() => Context.current().heartbeat(), 200);
  try {
    await cancelled();
  } finally {
    clearInterval(timer);
  }
}

/** The failure that a tool's end makes of a step. */
export function toolFailure(error: JobError): ApplicationFailure {
  return ApplicationFailure.create({ type: 'ToolFailed', message: 'it failed', nonRetryable: true, details: [error] });
}
