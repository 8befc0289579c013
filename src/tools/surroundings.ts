import { AsyncLocalStorage } from 'node:async_hooks';
import type { Activity } from './process/stalls.js';

/** What holds for all tools of a step. */
export type Surroundings = {
  /** Memory that they were granted together, in bytes. */
  memoryBytes?: number;
  /** For so long all of them may do nothing, before they are ended; ten minutes when absent. */
  stalledAfterMs?: number | undefined;
};

const current = new AsyncLocalStorage<Surroundings & { activity: Activity }>();

/** Does work whose tools run in these surroundings. */
export function surroundTools<T>(surroundings: Surroundings, work: () => Promise<T>): Promise<T> {
  return current.run({ ...surroundings, activity: { at: performance.now() } }, work);
}

/** The surroundings of tools that are started now, and what all of them share. */
export function toolSurroundings(): Surroundings & { activity: Activity } {
  return current.getStore() ?? { activity: { at: performance.now() } };
}
