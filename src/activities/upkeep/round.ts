import type { Logger } from 'pino';

const SHOWN_FAILURES = 10;

/** One round of periodic work over many things: what fails with one of them is noted, and the round goes on with the others. */
export type Round = {
  /** Aborted when the round is to end. */
  signal: AbortSignal;
  /** Does the work for one thing. @throws the signal's reason when the round is to end, never what the work throws. */
  attempt(subject: string, work: () => Promise<void>): Promise<void>;
  /** Says which things failed and why, cut after ten; undefined when none did. */
  failures(): string | undefined;
};

/** Begins a round. */
export function beginRound(log: Logger, signal: AbortSignal): Round {
  const failed: string[] = [];
  return {
    signal,
    async attempt(subject, work) {
      signal.throwIfAborted();
      try {
        await work();
      } catch (err) {
        signal.throwIfAborted();
        log.error({ err, subject }, 'could not be reconciled, the round goes on');
        failed.push(`${subject} (${(err instanceof Error ? err.message : String(err)).slice(0, 200)})`);
      }
    },
    failures() {
      if (failed.length === 0) return undefined;
      const more = failed.length > SHOWN_FAILURES ? ` and ${failed.length - SHOWN_FAILURES} more` : '';
      return `${failed.length} failed: ${failed.slice(0, SHOWN_FAILURES).join(', ')}${more}`;
    },
  };
}
