import { createRequire } from 'node:module';
import { setTimeout as delay } from 'node:timers/promises';
import { type TransferListItem, Worker } from 'node:worker_threads';
import { ThreadFailed } from './errors.js';

/** A thread that waits for a tool nobody can kill is left behind after so long. */
const TERMINATE_LIMIT_MS = 60_000;
/** What these threads keep are few objects or long-lived ones; a small nursery keeps the thread small. */
const YOUNG_GENERATION_MIB = 8;

/** What a thread tells: how far it is, 0 to 1, or what came out. */
export type FromThread<Result> = { fraction: number } | { result: Result };

/** How a thread is run. */
export type ThreadOptions = {
  /** On abort the thread ends, and the run rejects with the signal's reason. One that reads or writes a pipe ends with the tool at its other end. */
  signal: AbortSignal;
  /** The thread's heap may not pass it. Typed arrays lie outside of the heap and are not counted. */
  memoryGib: number;
  /** Tells how far the thread is, 0 to 1. */
  report?: (fraction: number) => void;
  /** What of the thread's data moves to it instead of being copied. */
  transferList?: TransferListItem[];
};

/**
 * Runs work that takes long, or waits for pipes, in a thread of its own, so that this process goes on with everything else. `entry` is the name
 * of the thread's file in package.json: tests and benchmarks run the sources, a thread needs the built file. The thread has ended when the
 * promise is settled. Rejects with the signal's reason, with an error of the operating system as it was thrown (a full disk), and with
 * `ThreadFailed` for all else that ended the thread; `name` tells in it what the thread did.
 */
export async function runThread<Result>(
  entry: `#${string}`,
  name: string,
  workerData: unknown,
  { signal, memoryGib, report, transferList }: ThreadOptions,
): Promise<Result> {
  signal.throwIfAborted();
  const worker = new Worker(createRequire(import.meta.url).resolve(entry), {
    ...{ name, workerData, ...(transferList && { transferList }) },
    execArgv: [],
    resourceLimits: { maxOldGenerationSizeMb: memoryGib * 1024, maxYoungGenerationSizeMb: YOUNG_GENERATION_MIB },
  });
  let onAbort = () => {};
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
  });
  try {
    return await Promise.race([aborted, resultOf<Result>(worker, name, report)]);
  } finally {
    signal.removeEventListener('abort', onAbort);
    await Promise.race([worker.terminate(), delay(TERMINATE_LIMIT_MS, undefined, { ref: false })]);
  }
}

function resultOf<Result>(worker: Worker, name: string, report: ThreadOptions['report']): Promise<Result> {
  return new Promise((resolve, reject) => {
    worker.on('message', (message: FromThread<Result>) => {
      if ('fraction' in message) report?.(message.fraction);
      else resolve(message.result);
    });
    worker.on('error', (error) => reject(explainEnd(name, error)));
    worker.on('exit', (code) =>
      reject(new ThreadFailed(`The thread of ${name} ended with code ${code} and no result`, 'bug')),
    );
  });
}

function explainEnd(name: string, error: Error & { code?: unknown; syscall?: unknown }): Error {
  if (
    error.code === 'ERR_WORKER_OUT_OF_MEMORY' ||
    /allocation failed|could not allocate memory|invalid (typed )?array length/i.test(error.message)
  ) {
    return new ThreadFailed(`The thread of ${name} ran out of memory`, 'out_of_memory', { cause: error });
  }
  if (typeof error.syscall === 'string') return error;
  return new ThreadFailed(`The thread of ${name} failed: ${error.message}`, 'bug', { cause: error });
}
