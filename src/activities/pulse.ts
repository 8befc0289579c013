import { Context } from '@temporalio/activity';

const HEARTBEAT_MS = 2_000;

/**
 * The same activity with heartbeats while it runs, so that a dead worker is found soon. Each carries `details`, which the next attempt finds when
 * this one ends without a word.
 */
export function withPulse<Input, Output>(
  work: (input: Input) => Promise<Output>,
  details?: unknown,
): (input: Input) => Promise<Output> {
  return async (input) => {
    const context = Context.current();
    context.heartbeat(details);
    const timer = setInterval(() => context.heartbeat(details), HEARTBEAT_MS);
    try {
      return await work(input);
    } finally {
      clearInterval(timer);
    }
  };
}

/** The same for several activities. */
export function withPulses<Activities extends Record<string, (input: never) => Promise<unknown>>>(
  activities: Activities,
): Activities {
  return Object.fromEntries(Object.entries(activities).map(([name, run]) => [name, withPulse(run)])) as Activities;
}
