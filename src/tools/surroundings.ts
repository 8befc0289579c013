import { AsyncLocalStorage } from 'node:async_hooks';

/** What holds for all tools of a step. */
export type Surroundings = {
  /** Memory that they were granted together, in bytes. */
  memoryBytes?: number;
};

const current = new AsyncLocalStorage<Surroundings>();

/** Does work whose tools run in these surroundings. */
export function surroundTools<T>(surroundings: Surroundings, work: () => Promise<T>): Promise<T> {
  return current.run(surroundings, work);
}

/** The surroundings of a tool that is started now. */
export function toolSurroundings(): Surroundings {
  return current.getStore() ?? {};
}
