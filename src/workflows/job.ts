import {
  ActivityFailure,
  type ActivityInterfaceFor,
  type ActivityOptions,
  CancellationScope,
  CancelledFailure,
  isCancellation,
  patched,
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
  type StepsInput,
  stepProgress,
  TASKS,
  type Task,
} from '../contracts/jobs.js';
import { describeFailure, toWorkflowFailure } from './failures.js';
import { QUICK_STEP, TOOL_STEP } from './options.js';

/** Runs one step of a job: its name as users see it, and the activity that does it. */
export type RunStep<Steps> = (stage: string, activity: keyof Steps & string) => Promise<void>;

/** Runs steps that follow each other, in one activity. */
export type RunSteps<Steps> = (steps: readonly [stage: string, activity: keyof Steps & string][]) => Promise<void>;

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
  protocol: (step: RunStep<Steps>, steps: RunSteps<Steps>) => Promise<void>,
): Promise<void> {
  const run = createStepRunner(input, task);
  try {
    await protocol(run.step, run.steps);
    await CancellationScope.nonCancellable(() => end.finish(input));
  } catch (error) {
    const cancelled = isCancellation(error) || CancellationScope.current().consideredCancelled;
    const described = describeFailure(error, run.stage());
    await CancellationScope.nonCancellable(async () => {
      setCurrentDetails(cancelled ? 'Cancelled: cleaning up' : `Failed in ${described.step ?? 'start'}: cleaning up`);
      const left = await undo(input, end, described.step);
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
  const { size, steps: names } = TASKS[task];
  let current: string | null = null;
  let hostQueue: string | undefined;

  const invoke = async (
    activity: string,
    summary: string,
    step: StepInput | StepsInput,
    queue: string,
  ): Promise<string> => {
    const priority = { ...workflowInfo().priority, priorityKey: hostQueue === undefined ? 3 : 2 };
    const options: ActivityOptions = {
      ...TOOL_STEP,
      taskQueue: queue,
      summary,
      priority,
      // A host that went away for good must not keep the job: another one takes it.
      ...(queue === hostQueue ? { scheduleToStartTimeout: '2 minutes' } : {}),
    };
    const run = proxyActivities<ActivityInterfaceFor<Record<string, AdmittedStep>>>(options)[activity];
    if (!run) throw new Error(`No activity ${activity}`);
    return run(step);
  };

  const invokeOnHost = async (activity: string, summary: string, step: StepInput | StepsInput): Promise<void> => {
    try {
      hostQueue = await invoke(activity, summary, step, hostQueue ?? QUEUES[size]);
    } catch (error) {
      if (!isHostLost(error)) throw error;
      hostQueue = undefined;
      hostQueue = await invoke(activity, summary, step, QUEUES[size]);
    }
  };

  const placeOf = (stage: string) => {
    const index = (names as readonly string[]).indexOf(stage);
    const progress = stepProgress(index, names.length);
    return { stage, progress, share: 1 / (names.length + 1), last: index === names.length - 1 };
  };

  const step = async (stage: string, activity: string): Promise<void> => {
    current = stage;
    const place = placeOf(stage);
    setCurrentDetails(`Step ${(names as readonly string[]).indexOf(stage) + 1} of ${names.length}: \`${stage}\``);
    await invokeOnHost(activity, stage, { ...input, ...place });
  };

  const steps = async (list: readonly [stage: string, activity: string][]): Promise<void> => {
    if (!patched('steps-together')) {
      for (const [stage, activity] of list) await step(stage, activity);
      return;
    }
    const stages = list.map(([stage]) => stage);
    current = stages[0] ?? null;
    setCurrentDetails(`Steps ${stages.map((stage) => `\`${stage}\``).join(', ')}`);
    const places = list.map(([stage, activity]) => ({ ...placeOf(stage), activity }));
    const last = places.at(-1)?.last ?? false;
    await invokeOnHost('runSteps', stages.join(', '), { ...input, steps: places, last });
    current = stages.at(-1) ?? null;
  };
  return { step, steps, stage: () => current };
}

function isHostLost(error: unknown): boolean {
  return (
    error instanceof ActivityFailure &&
    error.cause instanceof TimeoutFailure &&
    error.cause.timeoutType === 'SCHEDULE_TO_START'
  );
}
