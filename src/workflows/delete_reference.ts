import { proxyActivities, sleep } from '@temporalio/workflow';
import type { DeleteReferenceActivities, ProcessInput } from '../contracts/processes.js';
import { QUICK_STEP } from './options.js';
import { BULK_STEP, runProcessWorkflow } from './process.js';

const { deleteReference } = proxyActivities<DeleteReferenceActivities>(BULK_STEP);
const { isReferenceInUse, failDeleteReference } = proxyActivities<DeleteReferenceActivities>({
  ...QUICK_STEP,
  retry: { ...QUICK_STEP.retry, maximumAttempts: BULK_STEP.retry.maximumAttempts },
});

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 10 * 60_000;
/** About a week. */
const MAXIMUM_WAITS = 1_000;

/** Removes what a deleted reference leaves behind, once the jobs that still work with it have ended. */
export function delete_reference(input: ProcessInput): Promise<void> {
  return runProcessWorkflow(input, () => removeWhenUnused(input), failDeleteReference);
}

async function removeWhenUnused(input: ProcessInput): Promise<void> {
  for (let waits = 0; waits < MAXIMUM_WAITS && (await isReferenceInUse(input)); waits += 1) {
    await sleep(Math.min(FIRST_WAIT_MS * 2 ** waits, LONGEST_WAIT_MS));
  }
  await deleteReference(input);
}
