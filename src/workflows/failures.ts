import { ActivityFailure, ApplicationFailure, CancelledFailure, TimeoutFailure } from '@temporalio/workflow';
import type { FailureClass, JobError } from '../contracts/failures.js';

/**
 * What a failure of a step means for the user: the error that the activity described, or one made from its kind. `begun` is the step that
 * was begun; an activity of several steps tells which one failed.
 */
export function describeFailure(error: unknown, begun: string | null): JobError {
  const cause = error instanceof ActivityFailure ? error.cause : error;
  if (cause instanceof ApplicationFailure) {
    const described = cause.details?.[0];
    if (isJobError(described)) return { ...described, step: described.step ?? begun };
    const advice = 'This is a fault of the server. Report it with the job id.';
    return plain('bug', cause.type ?? 'Error', cause.message, stageOf(described) ?? begun, advice);
  }
  if (cause instanceof TimeoutFailure) {
    const text = 'The machine that ran the step stopped answering, several times.';
    const step = stageOf(cause.lastHeartbeatDetails) ?? begun;
    return plain('worker_lost', 'WorkerLost', text, step, 'Check the tool worker, then start the job again.');
  }
  if (cause instanceof CancelledFailure)
    return plain('cancelled', 'Cancelled', 'Cancelled', begun, 'Start the job again.');
  const message = error instanceof Error ? error.message : String(error);
  return plain('bug', 'Error', message, begun, 'This is a fault of the server. Report it with the job id.');
}

/** A failure that closes the workflow; a plain error would block it in endless retries of its task. */
export function toWorkflowFailure(error: JobError): ApplicationFailure {
  return ApplicationFailure.create({
    type: error.type,
    message: (error.details[0] ?? error.type).slice(0, 1000),
    nonRetryable: true,
    details: [{ class: error.class, step: error.step, tool: error.tool, advice: error.advice }],
  });
}

/** Steps tell their names with each heartbeat and with each failure. */
function stageOf(details: unknown): string | null {
  const { stage } = (details ?? {}) as { stage?: unknown };
  return typeof stage === 'string' ? stage : null;
}

function plain(
  failureClass: FailureClass,
  type: string,
  message: string,
  step: string | null,
  advice: string,
): JobError {
  const details = [message.slice(0, 1000)];
  return { type, traceback: [], details, class: failureClass, step, tool: null, exit_code: null, advice };
}

function isJobError(value: unknown): value is JobError {
  return typeof value === 'object' && value !== null && 'class' in value && 'advice' in value && 'details' in value;
}
