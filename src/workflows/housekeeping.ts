import { ActivityCancellationType, proxyActivities } from '@temporalio/workflow';
import type { HousekeepingActivities, HousekeepingKind } from '../contracts/housekeeping.js';

const { keepHouse } = proxyActivities<HousekeepingActivities>({
  startToCloseTimeout: '10 minutes',
  heartbeatTimeout: '30s',
  // A round that is cancelled must have ended before the next one begins.
  cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
  retry: { maximumAttempts: 3 },
});

/** One round of periodic work, started by a schedule. `specHash` only shows the schedule's age. */
export function housekeeping(kind: HousekeepingKind, _specHash: string): Promise<string> {
  return keepHouse({ kind });
}
