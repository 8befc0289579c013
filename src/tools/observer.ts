import { AsyncLocalStorage } from 'node:async_hooks';
import type { ToolRun } from './errors.js';

/** Hears of a run when it ends. What is not `isListed` only serves the others, or the server itself. */
type Observer = (run: ToolRun, isListed: boolean) => void;

const observers = new AsyncLocalStorage<{ observer: Observer; isListed: boolean }>();

/** Does the work and hands every run of a tool in it to `observer` when it ends, well or badly. */
export function observeTools<T>(observer: Observer, work: () => Promise<T>): Promise<T> {
  return observers.run({ observer, isListed: true }, work);
}

/** Does work whose runs of tools are not listed among those of a step, such as asking a program for its version. */
export function unobserved<T>(work: () => Promise<T>): Promise<T> {
  const watching = observers.getStore();
  return watching ? observers.run({ ...watching, isListed: false }, work) : work();
}

/** Tells the observer, if there is one, of a run that has ended. */
export function tellObserver(run: ToolRun): void {
  const watching = observers.getStore();
  watching?.observer(run, watching.isListed);
}
