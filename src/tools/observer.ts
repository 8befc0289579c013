import { AsyncLocalStorage } from 'node:async_hooks';
import type { ToolRun } from './errors.js';

type Observer = (run: ToolRun) => void;

const observers = new AsyncLocalStorage<Observer | undefined>();

/** Does the work and hands every run of a tool in it to `observer` when it ends, well or badly. */
export function observeTools<T>(observer: (run: ToolRun) => void, work: () => Promise<T>): Promise<T> {
  return observers.run(observer, work);
}

/** Does work whose runs of tools are no part of what is observed, such as asking a program for its version. */
export function unobserved<T>(work: () => Promise<T>): Promise<T> {
  return observers.run(undefined, work);
}

/** Tells the observer, if there is one, of a run that has ended. */
export function tellObserver(run: ToolRun): void {
  observers.getStore()?.(run);
}
