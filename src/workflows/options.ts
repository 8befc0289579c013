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

/** A short database step. Machine trouble is retried without end: the job must not be lost. */
export const QUICK_STEP = {
  startToCloseTimeout: '15s',
  retry: {
    initialInterval: '500ms',
    maximumInterval: '30s',
    nonRetryableErrorTypes: [...PERMANENT_FAILURES],
  },
} satisfies ActivityOptions;

/** A clean-up that may remove large folders. */
export const CLEAN_UP_STEP = {
  startToCloseTimeout: '10 minutes',
  heartbeatTimeout: '30s',
  retry: { initialInterval: '500ms', maximumInterval: '30s' },
} satisfies ActivityOptions;
