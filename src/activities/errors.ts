import { ApplicationFailure } from '@temporalio/activity';
import type { FailureClass, JobError } from '../contracts/failures.js';

/** What to do about a fault of the code. */
export const BUG_ADVICE = 'This is a fault of the server; report it together with the job log.';

/** Input that a retry cannot help: what is wrong, where, and what the user can do. */
export class InvalidInput extends Error {
  override name = 'InvalidInput';
  constructor(
    message: string,
    readonly advice: string,
  ) {
    super(message);
  }
}

/** A step has taken longer than a step may for its input. */
export class StepTooLong extends Error {
  override name = 'StepTooLong';
  constructor(limitMs: number, bytes: number) {
    const hours = (limitMs / 3_600_000).toFixed(1);
    super(`The step took longer than ${hours} h, the limit for ${(bytes / 1e9).toFixed(3)} GB of input`);
  }
}

/** The thread of a computation ended without a result. */
export class ThreadFailed extends Error {
  override name = 'ThreadFailed';
  constructor(
    message: string,
    readonly failureClass: Extract<FailureClass, 'out_of_memory' | 'bug'>,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** The failure types of `contracts/failures.ts` that end a job at once, by class. */
const PERMANENT_TYPE: Partial<Record<FailureClass, string>> = {
  invalid_input: 'InvalidInput',
  tool_failed: 'ToolFailed',
  bug: 'Bug',
  out_of_memory: 'ToolFailed',
  out_of_disk: 'ToolFailed',
};

/**
 * A failure that carries its description to the workflow and on to the job document. One that `isPassing` is tried again, whatever its
 * class.
 */
export function toFailure(error: JobError, cause: unknown, isPassing = false): ApplicationFailure {
  const permanent = isPassing ? undefined : PERMANENT_TYPE[error.class];
  return ApplicationFailure.create({
    type: permanent ?? error.type,
    message: (error.details[0] ?? error.type).slice(0, 1000),
    nonRetryable: permanent !== undefined,
    details: [error],
    ...(cause instanceof Error ? { cause } : {}),
  });
}

/** The failure of a step whose job has ended already: nothing is done, nothing is retried. */
export function jobClosed(jobId: string): ApplicationFailure {
  return ApplicationFailure.create({
    type: 'JobClosed',
    message: `Job ${jobId} has ended already`,
    nonRetryable: true,
  });
}

/** The end of a job whose product, or the folder of it, was removed while the job worked. */
export function productLost(): ApplicationFailure {
  const error: JobError = {
    type: 'ProductLost',
    traceback: [],
    details: ['What the job had made was removed from outside before the job was complete.'],
    class: 'worker_lost',
    step: null,
    tool: null,
    exit_code: null,
    advice: 'Start the job again, and let nobody remove its files while it runs.',
  };
  return ApplicationFailure.create({
    type: error.type,
    message: error.details[0] as string,
    nonRetryable: true,
    details: [error],
  });
}
