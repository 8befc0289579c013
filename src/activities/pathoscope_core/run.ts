import { createRequire } from 'node:module';
import { Worker } from 'node:worker_threads';
import { ThreadFailed } from '../errors.js';
import type { CoreResults, CoreTask, FromThread, ToThread } from './tasks.js';

// By its name in package.json: tests and benchmarks run this file from the sources, a thread needs the built one.
const threadEntry = () => createRequire(import.meta.url).resolve('#pathoscope-thread');
/**
 * An aligner's output goes to the thread in buffers that come back, so nothing is left for the garbage collectors of either side; the
 * aligner waits while all of them are on their way. A message costs as much as reading some ten thousand bytes.
 */
const BUFFERS = 4;
const BUFFER_BYTES = 512 * 1024;
/** The objects of the core are few or live long; a small nursery keeps the thread small. */
const YOUNG_GENERATION_MIB = 8;

/** How a task is run. */
export type CoreOptions = {
  /** On abort the thread ends, whatever it is doing, and the run rejects with the signal's reason. */
  signal: AbortSignal;
  /** The thread's heap may not pass it. Tables lie outside of the heap and are not counted. */
  memoryGib: number;
  /** The aligner's output; more is asked for only as fast as the thread takes it. */
  chunks?: AsyncIterable<Uint8Array>;
  /** Tells how far the task is, 0 to 1. */
  report?: (fraction: number) => void;
};

/**
 * Runs a task of the core in a thread of its own, so that this process goes on with everything else. The thread has ended when the promise
 * is settled. Rejects with the signal's reason, with an error of the operating system as it was thrown (a full disk), and with
 * `ThreadFailed` for all else that ended the thread.
 */
export async function runCore<T extends CoreTask>(task: T, options: CoreOptions): Promise<CoreResults[T['task']]> {
  const { signal, memoryGib, chunks } = options;
  signal.throwIfAborted();
  const worker = new Worker(threadEntry(), {
    name: task.task,
    workerData: task,
    execArgv: [],
    resourceLimits: { maxOldGenerationSizeMb: memoryGib * 1024, maxYoungGenerationSizeMb: YOUNG_GENERATION_MIB },
  });
  const thread = watchThread(worker, task.task, options.report);
  let onAbort = () => {};
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
  });
  try {
    const fed = thread.feed(chunks ?? nothing()).then(() => thread.result);
    return (await Promise.race([aborted, thread.result, fed])) as CoreResults[T['task']];
  } finally {
    signal.removeEventListener('abort', onAbort);
    await worker.terminate();
  }
}

function watchThread(worker: Worker, name: string, report: CoreOptions['report']) {
  const free: Uint8Array<ArrayBuffer>[] = [];
  let made = 0;
  let wake = () => {};
  let over = false;
  const result = new Promise<CoreResults[CoreTask['task']]>((resolve, reject) => {
    worker.on('message', (message: FromThread) => {
      if ('buffer' in message) free.push(message.buffer);
      else if ('fraction' in message) report?.(message.fraction);
      else resolve(message.result);
      wake();
    });
    worker.on('error', (error) => reject(explainEnd(error)));
    worker.on('exit', (code) => {
      over = true;
      wake();
      reject(new ThreadFailed(`The thread of ${name} ended with code ${code} and no result`, 'bug'));
    });
  });

  /** A buffer that nobody reads; undefined when nobody will read it either. */
  async function freeBuffer(): Promise<Uint8Array<ArrayBuffer> | undefined> {
    while (free.length === 0 && made === BUFFERS && !over) {
      await new Promise<void>((resume) => {
        wake = resume;
      });
    }
    if (over) return undefined;
    if (free.length === 0) made++;
    return free.pop() ?? new Uint8Array(BUFFER_BYTES);
  }

  const send = (buffer: Uint8Array<ArrayBuffer>, length: number) =>
    worker.postMessage({ buffer, length } satisfies ToThread, [buffer.buffer]);

  async function feed(chunks: AsyncIterable<Uint8Array>): Promise<void> {
    let buffer: Uint8Array<ArrayBuffer> | undefined;
    let used = 0;
    for await (const chunk of chunks) {
      for (let at = 0; at < chunk.length; ) {
        buffer ??= await freeBuffer();
        if (!buffer) return;
        const part = chunk.subarray(at, at + buffer.length - used);
        buffer.set(part, used);
        at += part.length;
        used += part.length;
        if (used < buffer.length) continue;
        send(buffer, used);
        buffer = undefined;
        used = 0;
      }
    }
    if (buffer) send(buffer, used);
    worker.postMessage({ end: true } satisfies ToThread);
  }
  return { result, feed };
}

function explainEnd(error: Error & { code?: unknown; syscall?: unknown }): Error {
  if (
    error.code === 'ERR_WORKER_OUT_OF_MEMORY' ||
    /allocation failed|invalid (typed )?array length/i.test(error.message)
  ) {
    return new ThreadFailed('The reassignment of the reads ran out of memory', 'out_of_memory', { cause: error });
  }
  if (typeof error.syscall === 'string') return error;
  return new ThreadFailed(`The thread of the reassignment failed: ${error.message}`, 'bug', { cause: error });
}

async function* nothing(): AsyncGenerator<Uint8Array> {}
