import { ApplicationFailure, Context } from '@temporalio/activity';
import type { JobError } from '../contracts/failures.js';
import { isDatabaseTrouble, isTooLarge } from '../store/database/trouble.js';
import { BUG_ADVICE } from './errors.js';

/** Tries of an activity that fails by itself and not for trouble of the machine: about two minutes. */
const FAULT_LIMIT = 10;

/** What a disk, a network file system or a system without free handles says, and what passes. */
const PASSING_CODES = [
  ...['EIO', 'ESTALE', 'ENOSPC', 'EDQUOT', 'EMFILE', 'ENFILE', 'EAGAIN', 'EBUSY', 'ENOMEM'],
  ...['ETIMEDOUT', 'ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'EHOSTDOWN', 'EHOSTUNREACH', 'ENETUNREACH'],
];

/** What is to be done about a failed activity: try it again without end, a limited number of times, or never. */
export type Remedy = 'wait' | 'limit' | 'give up';

/** The remedy for a failure. Whoever raised an ApplicationFailure has decided that already. */
export function remedyFor(error: unknown): Remedy {
  if (error instanceof ApplicationFailure) return error.nonRetryable ? 'give up' : 'wait';
  if (isDatabaseTrouble(error)) return 'wait';
  if (!(error instanceof Error)) return 'limit';
  if (PASSING_CODES.includes((error as NodeJS.ErrnoException).code ?? '')) return 'wait';
  const isBug = [TypeError, RangeError, ReferenceError, SyntaxError].some((kind) => error instanceof kind);
  return isBug || isTooLarge(error) ? 'give up' : 'limit';
}

type Activity = (input: never) => Promise<unknown>;

/**
 * The same activities, whose retries end: at once for what can never get better, after ten failures for what is no known trouble of the
 * machine. Their policy may then retry without end.
 */
export function limitFaults<Activities extends Record<string, Activity>>(activities: Activities): Activities {
  // Failures for trouble of the machine do not count. After a restart the count begins anew: the update may have brought the cure.
  const counts = new Map<string, number>();
  const limited =
    (run: Activity): Activity =>
    async (input) => {
      const { workflowExecution, activityId } = Context.current().info;
      const key = `${workflowExecution?.runId} ${activityId}`;
      try {
        const result = await run(input);
        counts.delete(key);
        return result;
      } catch (error) {
        const remedy = remedyFor(error);
        if (remedy === 'wait') throw error;
        const count = (counts.get(key) ?? 0) + 1;
        counts.set(key, count);
        if (remedy === 'limit' && count < FAULT_LIMIT) throw error;
        counts.delete(key);
        throw error instanceof ApplicationFailure ? error : bug(error);
      }
    };
  return Object.fromEntries(Object.entries(activities).map(([name, run]) => [name, limited(run)])) as Activities;
}

function bug(cause: unknown): ApplicationFailure {
  const message = (cause instanceof Error ? cause.message : String(cause)).slice(0, 1000);
  const error: JobError = {
    ...{ type: 'Bug', traceback: [], details: [message], class: 'bug' },
    ...{ step: null, tool: null, exit_code: null, advice: BUG_ADVICE },
  };
  return ApplicationFailure.create({
    type: 'Bug',
    message,
    nonRetryable: true,
    details: [error],
    ...(cause instanceof Error ? { cause } : {}),
  });
}
