import { setImmediate as nextTurn } from 'node:timers/promises';

const TURN_MS = 10;

/** Lets other work go on when the last turn is longer ago than a request should wait. */
export function createTurns(): () => Promise<void> {
  let startedAt = performance.now();
  return async () => {
    if (performance.now() - startedAt < TURN_MS) return;
    await nextTurn();
    startedAt = performance.now();
  };
}
