import {
  ApplicationFailure,
  CancellationScope,
  CancelledFailure,
  isCancellation,
  proxyActivities,
  sleep,
} from '@temporalio/workflow';
import {
  type BlastActivities,
  type BlastFailure,
  type BlastInput,
  type BlastPace,
  type BlastSearch,
  blastError,
} from '../contracts/blast.js';
import { QUICK_STEP } from './options.js';

const { failBlast } = proxyActivities<BlastActivities>(QUICK_STEP);
const { checkBlast, submitBlast } = proxyActivities<BlastActivities>({
  ...QUICK_STEP,
  startToCloseTimeout: '2 minutes',
  heartbeatTimeout: '30s',
  // A worker that dies in the middle has perhaps asked NCBI already.
  retry: { ...QUICK_STEP.retry, initialInterval: '5s' },
});

/** Hands the BLAST of a contig in where that is still to be done, and waits for it, as long as anybody wants it. Without a result the analysis says why. */
export async function blast({ pace, ...search }: BlastInput): Promise<void> {
  const fail = (reason: BlastFailure) => CancellationScope.nonCancellable(() => failBlast({ ...search, reason }));
  let reason: BlastFailure | undefined;
  try {
    reason = await waitForResult(search, pace);
  } catch (error) {
    const cancelled = isCancellation(error) || CancellationScope.current().consideredCancelled;
    await fail(cancelled ? 'stopped' : 'bug');
    throw cancelled && !isCancellation(error) ? new CancelledFailure('cancelled') : error;
  }
  if (!reason) return;
  await fail(reason);
  throw ApplicationFailure.create({ type: 'BlastFailed', message: blastError(reason).message, nonRetryable: true });
}

/** Asks at the pace; gives why there is no result, or nothing when there is one or nobody waits any more. */
async function waitForResult(asked: BlastSearch, pace: BlastPace): Promise<BlastFailure | undefined> {
  let search = asked;
  let passed = 0;
  let troubles = 0;
  let wait = pace.first;
  while (passed + wait <= pace.limit) {
    await sleep(wait * 1_000);
    passed += wait;
    const turn = { ...search, waitedSeconds: wait };
    const check = search.rid === null ? await submitBlast(turn) : await checkBlast(turn);
    if (check.state === 'done' || check.state === 'gone') return undefined;
    if (check.state === 'failed') return check.reason;
    troubles = check.state === 'trouble' ? troubles + 1 : 0;
    if (check.state === 'trouble' && troubles >= pace.troubles) return check.reason;
    wait = check.state === 'submitted' ? pace.first : nextWait(wait, pace);
    if (check.state === 'submitted') search = { ...search, rid: check.rid };
  }
  return 'too_slow';
}

function nextWait(wait: number, { second, growth, longest }: BlastPace): number {
  return Math.min(longest, Math.max(second, wait + growth));
}
