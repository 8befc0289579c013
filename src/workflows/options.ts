import { ActivityCancellationType, type ActivityOptions } from '@temporalio/workflow';
import { PERMANENT_FAILURES } from '../contracts/failures.js';

/** A step that runs tools, perhaps for hours. The heartbeat finds a dead worker; it is not the cancel path. */
export const TOOL_STEP = {
  startToCloseTimeout: '48 hours',
  heartbeatTimeout: '2 minutes',
  cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
  retry: {
    initialInterval: '1s',
    backoffCoefficient: 2,
    maximumInterval: '1m',
    maximumAttempts: 20,
    nonRetryableErrorTypes: [...PERMANENT_FAILURES],
  },
} satisfies ActivityOptions;

/**
 * A short database step. Trouble of the machine is retried without end: the job must not be lost. What can never get better, or fails
 * by itself again and again, ends in a failure that is not retried; see `limitFaults` of the activities.
 */
export const QUICK_STEP = {
  startToCloseTimeout: '15s',
  retry: {
    initialInterval: '500ms',
    maximumInterval: '30s',
    nonRetryableErrorTypes: [...PERMANENT_FAILURES],
  },
} satisfies ActivityOptions;

/** The transaction that ends a job; its results may have 16 MB, and others may hold its documents. */
export const FINISH_STEP = {
  ...QUICK_STEP,
  startToCloseTimeout: '2 minutes',
  heartbeatTimeout: '15s',
} satisfies ActivityOptions;

/** A clean-up that may remove large folders. */
export const CLEAN_UP_STEP = {
  startToCloseTimeout: '10 minutes',
  heartbeatTimeout: '30s',
  retry: { ...QUICK_STEP.retry },
} satisfies ActivityOptions;
