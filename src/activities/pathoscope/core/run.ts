import { createRequire } from 'node:module';
import { setTimeout as delay } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { ThreadFailed } from '../../errors.js';
import type { CoreResults, CoreTask, FromThread, ThreadData } from './tasks.js';

// By its name in package.json: tests and benchmarks run this file from the sources, a thread needs the built one.
const threadEntry = () => createRequire(import.meta.url).resolve('#pathoscope-thread');
/** A thread that waits for the output of a tool nobody can kill is left behind after so long. */
const TERMINATE_LIMIT_MS = 60_000;
/** The objects of the core are few or live long; a small nursery keeps the thread small. */
const YOUNG_GENERATION_MIB = 8;

/** How a task is run. */
export type CoreOptions = {
  /** On abort the thread ends, whatever it is doing, and the run rejects with the signal's reason. */
  signal: AbortSignal;
  /** The thread's heap may not pass it. Tables lie outside of the heap and are not counted. */
  memoryGib: number;
  /** Descriptor of the aligner's output, which the thread reads to its end: a cancelled run ends when the aligner has ended, too. */
  input?: number;
  /** Tells how far the task is, 0 to 1. */
  report?: (fraction: number) => void;
};

/**
 * Runs a task of the core in a thread of its own, so that this process goes on with everything else. The thread has ended when the promise
 * is settled. Rejects with the signal's reason, with an error of the operating system as it was thrown (a full disk), and with
 * `ThreadFailed` for all else that ended the thread.
 */
export async function runCore<T extends CoreTask>(task: T, options: CoreOptions): Promise<CoreResults[T['task']]> {
  const { signal, memoryGib, input } = options;
  signal.throwIfAborted();
  const worker = new Worker(threadEntry(), {
    name: task.task,
    workerData: { task, input } satisfies ThreadData,
    execArgv: [],
    resourceLimits: { maxOldGenerationSizeMb: memoryGib * 1024, maxYoungGenerationSizeMb: YOUNG_GENERATION_MIB },
  });
  let onAbort = () => {};
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
  });
  try {
    const result = resultOf(worker, task.task, options.report);
    return (await Promise.race([aborted, result])) as CoreResults[T['task']];
  } finally {
    signal.removeEventListener('abort', onAbort);
    await Promise.race([worker.terminate(), delay(TERMINATE_LIMIT_MS, undefined, { ref: false })]);
  }
}

function resultOf(worker: Worker, name: string, report: CoreOptions['report']) {
  return new Promise<CoreResults[CoreTask['task']]>((resolve, reject) => {
    worker.on('message', (message: FromThread) => {
      if ('fraction' in message) report?.(message.fraction);
      else resolve(message.result);
    });
    worker.on('error', (error) => reject(explainEnd(error)));
    worker.on('exit', (code) =>
      reject(new ThreadFailed(`The thread of ${name} ended with code ${code} and no result`, 'bug')),
    );
  });
}

function explainEnd(error: Error & { code?: unknown; syscall?: unknown }): Error {
  if (
    error.code === 'ERR_WORKER_OUT_OF_MEMORY' ||
    /allocation failed|could not allocate memory|invalid (typed )?array length/i.test(error.message)
  ) {
    return new ThreadFailed('The reassignment of the reads ran out of memory', 'out_of_memory', { cause: error });
  }
  if (typeof error.syscall === 'string') return error;
  return new ThreadFailed(`The thread of the reassignment failed: ${error.message}`, 'bug', { cause: error });
}
