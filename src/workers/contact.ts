import { isGrpcServiceError } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import type { NativeConnection } from '@temporalio/worker';

/** How often Temporal is asked, and how long it may not answer. */
export type ContactTimes = { everyMs: number; limitMs: number };

/** What a watch needs to ask about a step. */
export type ContactOptions = {
  connection: NativeConnection;
  namespace: string;
  /** For tests. */
  times?: ContactTimes;
};

/** Watches that a step is still this host's. */
export type ContactWatch = { lost: AbortSignal; stop(): void };

// Well below the heartbeat timeout of a step (two minutes), after which another host gets it.
const TIMES: ContactTimes = { everyMs: 10_000, limitMs: 75_000 };
const NOT_FOUND = 5;

/**
 * Asks Temporal again and again to acknowledge a heartbeat of a step. `lost` is aborted when it says that the step is no longer done
 * here, or when it has not acknowledged one for so long that it may soon give the step to another host. The worker's own heartbeats
 * tell nobody whether they arrive.
 */
export function watchContact(
  { connection, namespace, times = TIMES }: ContactOptions,
  token: Uint8Array,
): ContactWatch {
  const losing = new AbortController();
  const lose = (message: string) => {
    stop();
    losing.abort(ApplicationFailure.retryable(message, 'LostContact'));
  };
  const giveUp = () => lose(`Temporal has not acknowledged a heartbeat for ${times.limitMs / 1000} s`);
  let limit = setTimeout(giveUp, times.limitMs);
  let isOver = false;
  let lastAt = performance.now();
  const ask = async () => {
    const sentAt = performance.now();
    const heartbeat = () => connection.workflowService.recordActivityTaskHeartbeat({ namespace, taskToken: token });
    try {
      await connection.withDeadline(Date.now() + times.limitMs, heartbeat);
      if (isOver || sentAt < lastAt) return;
      lastAt = sentAt;
      clearTimeout(limit);
      // Counted from the sending: Temporal has noted it later than that.
      limit = setTimeout(giveUp, times.limitMs - (performance.now() - sentAt));
    } catch (error) {
      if (isGrpcServiceError(error) && error.code === NOT_FOUND)
        lose('Temporal has given the step away or ended its job');
    }
  };
  const timer = setInterval(ask, times.everyMs);
  const stop = () => {
    isOver = true;
    clearInterval(timer);
    clearTimeout(limit);
  };
  return { lost: losing.signal, stop };
}
