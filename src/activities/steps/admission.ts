import { AsyncLocalStorage } from 'node:async_hooks';
import { Context } from '@temporalio/activity';

/** What the gate of a host has lent to a step that runs. */
export type Admission = {
  /** Gives the job's cores and memory back while `wait` runs, and takes them again afterwards. */
  outside<T>(wait: () => Promise<T>): Promise<T>;
  /** Aborted when the step is not this host's any more: no contact with Temporal, which is about to give the step away. */
  lost: AbortSignal;
};

const admissions = new AsyncLocalStorage<Admission>();

/** Does the work of a step under what its gate has lent to it. */
export function runAdmitted<T>(admission: Admission, work: () => Promise<T>): Promise<T> {
  return admissions.run(admission, work);
}

const ALONE: Admission = { outside: (wait) => wait(), lost: new AbortController().signal };

/** Does work of a step; `pause` is called when it begins to wait outside, and what that gives when the wait is over. */
export function pausingOutside<T>(pause: () => () => void, work: () => Promise<T>): Promise<T> {
  const admission = admissions.getStore() ?? ALONE;
  const outside = async <U>(wait: () => Promise<U>): Promise<U> => {
    const resume = pause();
    try {
      return await admission.outside(wait);
    } finally {
      resume();
    }
  };
  return admissions.run({ ...admission, outside }, work);
}

/** Aborted when the step that runs is cancelled, at the end of the worker, or when the host has lost it. */
export function stepSignal(): AbortSignal {
  const { lost } = admissions.getStore() ?? ALONE;
  return AbortSignal.any([Context.current().cancellationSignal, lost]);
}

/**
 * Waits for something that another job does. The step holds nothing of the host meanwhile: the other job may need it to get on. `wait`
 * has to end when the step is cancelled.
 */
export function waitOutside<T>(wait: () => Promise<T>): Promise<T> {
  return (admissions.getStore() ?? ALONE).outside(wait);
}
