import {
  ActivityFailure,
  type ActivityInterfaceFor,
  type ActivityOptions,
  CancellationScope,
  CancelledFailure,
  isCancellation,
  proxyActivities,
  setCurrentDetails,
  TimeoutFailure,
  workflowInfo,
} from '@temporalio/workflow';
import type { JobError } from '../contracts/failures.js';
import {
  type AdmittedStep,
  type JobActivities,
  type JobInput,
  QUEUES,
  type StepActivity,
  type StepInput,
  stepProgress,
  TASKS,
  type Task,
} from '../contracts/jobs.js';
import { describeFailure, toWorkflowFailure } from './failures.js';
import { QUICK_STEP, TOOL_STEP } from './options.js';

/** Runs one step of a job: its name as users see it, and the activity that does it. */
export type RunStep<Steps> = (stage: string, activity: keyof Steps & string) => Promise<void>;

/** How a job ends. */
export type JobEnd = {
  /** Makes the product ready and the job complete at once. */
  finish: (input: JobInput) => Promise<void>;
  /** Removes all that the job made. Runs after a failure or a cancel, before the final state; safe to run twice. */
  undo: (input: JobInput) => Promise<void>;
};

/** Bookkeeping of all jobs. */
export const bookkeeping = proxyActivities<JobActivities>(QUICK_STEP);

/**
 * The protocol of every job: steps in order, then the product and the job become ready together. On failure or cancel the
 * children have died first, then all is undone, then the final state is written.
 */
export async function runJob<Steps extends Record<keyof Steps, StepActivity>>(
  input: JobInput,
  task: Task,
  end: JobEnd,
  protocol: (step: RunStep<Steps>) => Promise<void>,
): Promise<void> {
  const run = createStepRunner(input, task);
  try {
    await protocol(run.step);
    await CancellationScope.nonCancellable(() => end.finish(input));
  } catch (error) {
    const cancelled = isCancellation(error) || CancellationScope.current().consideredCancelled;
    const described = describeFailure(error, run.stage());
    await CancellationScope.nonCancellable(async () => {
      setCurrentDetails(cancelled ? 'Cancelled: cleaning up' : `Failed in ${run.stage() ?? 'start'}: cleaning up`);
      const left = await undo(input, end, run.stage());
      const state = cancelled && !left ? 'cancelled' : 'error';
      await bookkeeping.closeJob({
        jobId: input.jobId,
        state,
        error: state === 'cancelled' ? null : withLeft(cancelled ? undefined : described, left),
      });
    });
    if (cancelled) throw isCancellation(error) ? error : new CancelledFailure('cancelled');
    throw toWorkflowFailure(described);
  }
}

/** Undoes a job; what is wrong when that cannot be done, which must not keep the job from its end. */
async function undo(input: JobInput, end: JobEnd, stage: string | null): Promise<JobError | undefined> {
  try {
    await end.undo(input);
    return undefined;
  } catch (error) {
    return describeFailure(error, stage);
  }
}

function withLeft(described: JobError | undefined, left: JobError | undefined): JobError | null {
  if (!left) return described ?? null;
  const sentence = 'What the job had made could not be removed:';
  return { ...(described ?? left), details: [...(described?.details ?? []), sentence, ...left.details] };
}

function createStepRunner(input: JobInput, task: Task) {
  const { size, steps } = TASKS[task];
  let current: string | null = null;
  let hostQueue: string | undefined;

  const invoke = async (activity: string, step: StepInput, queue: string): Promise<string> => {
    const priority = { ...workflowInfo().priority, priorityKey: hostQueue === undefined ? 3 : 2 };
    const options: ActivityOptions = {
      ...TOOL_STEP,
      taskQueue: queue,
      summary: step.stage,
      priority,
      // A host that went away for good must not keep the job: another one takes it.
      ...(queue === hostQueue ? { scheduleToStartTimeout: '2 minutes' } : {}),
    };
    const run = proxyActivities<ActivityInterfaceFor<Record<string, AdmittedStep>>>(options)[activity];
    if (!run) throw new Error(`No activity ${activity}`);
    return run(step);
  };

  const step = async (stage: string, activity: string): Promise<void> => {
    const index = (steps as readonly string[]).indexOf(stage);
    current = stage;
    setCurrentDetails(`Step ${index + 1} of ${steps.length}: \`${stage}\``);
    const stepInput: StepInput = {
      ...input,
      stage,
      progress: stepProgress(index, steps.length),
      share: 1 / (steps.length + 1),
      last: index === steps.length - 1,
    };
    try {
      hostQueue = await invoke(activity, stepInput, hostQueue ?? QUEUES[size]);
    } catch (error) {
      if (!isHostLost(error)) throw error;
      hostQueue = undefined;
      hostQueue = await invoke(activity, stepInput, QUEUES[size]);
    }
  };
  return { step, stage: () => current };
}

function isHostLost(error: unknown): boolean {
  return (
    error instanceof ActivityFailure &&
    error.cause instanceof TimeoutFailure &&
    error.cause.timeoutType === 'SCHEDULE_TO_START'
  );
}
