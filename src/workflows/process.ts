import {
  ActivityCancellationType,
  ActivityFailure,
  type ActivityOptions,
  ApplicationFailure,
  CancellationScope,
  CancelledFailure,
  isCancellation,
} from '@temporalio/workflow';
import { PERMANENT_FAILURES } from '../contracts/failures.js';
import type { ProcessError, ProcessInput, UndoInput } from '../contracts/processes.js';

/**
 * Writes of a whole reference. Trouble of the machine is tried again for about an hour and a half, as a second run goes on where the first
 * stopped; a step that takes its worker down ends sooner (`runProcess`). An undoing that ends so is begun again by the reconciler.
 */
export const BULK_STEP = {
  startToCloseTimeout: '2 hours',
  heartbeatTimeout: '30s',
  cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
  retry: {
    initialInterval: '500ms',
    maximumInterval: '1m',
    maximumAttempts: 100,
    nonRetryableErrorTypes: [...PERMANENT_FAILURES],
  },
} satisfies ActivityOptions;

/** The protocol of every process: do it, or undo it and note why. */
export async function runProcessWorkflow(
  input: ProcessInput,
  work: () => Promise<void>,
  undo: (input: UndoInput) => Promise<void>,
): Promise<void> {
  try {
    await work();
  } catch (error) {
    const cancelled = isCancellation(error) || CancellationScope.current().consideredCancelled;
    const errors = cancelled ? [{ id: 'cancelled', message: 'Cancelled' }] : describeErrors(error);
    await CancellationScope.nonCancellable(() => undo({ ...input, errors }));
    if (cancelled) throw isCancellation(error) ? error : new CancelledFailure('cancelled');
    const message = errors[0]?.message ?? 'failed';
    throw ApplicationFailure.create({ type: 'ProcessFailed', message: message.slice(0, 1000), nonRetryable: true });
  }
}

function describeErrors(error: unknown): ProcessError[] {
  const cause = error instanceof ActivityFailure ? error.cause : error;
  const described = cause instanceof ApplicationFailure ? cause.details?.[0] : undefined;
  if (isErrorList(described)) return described;
  const message = cause instanceof Error ? cause.message : String(cause);
  return [{ id: 'unhandled', message: message.slice(0, 1000) }];
}

function isErrorList(value: unknown): value is ProcessError[] {
  return Array.isArray(value) && value.length > 0 && value.every((one) => typeof one === 'object' && 'message' in one);
}
