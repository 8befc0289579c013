import { createRequire } from 'node:module';
import { Worker } from 'node:worker_threads';
import { ThreadFailed } from '../errors.js';
import type { CoreResults, CoreTask, FromThread, ToThread } from './tasks.js';

// By its name in package.json: tests and benchmarks run this file from the sources, a thread needs the built one.
const ENTRY = createRequire(import.meta.url).resolve('#pathoscope-thread');
/** So much of an aligner's output may be on its way to the thread. */
const WINDOW_BYTES = 2 * 1024 * 1024;
const BATCH_BYTES = 512 * 1024;
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
  const worker = new Worker(ENTRY, {
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
  let onItsWay = 0;
  let wake = () => {};
  let over = false;
  const result = new Promise<CoreResults[CoreTask['task']]>((resolve, reject) => {
    worker.on('message', (message: FromThread) => {
      if ('taken' in message) onItsWay -= message.taken;
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

  async function feed(chunks: AsyncIterable<Uint8Array>): Promise<void> {
    for await (const batch of batches(chunks)) {
      const buffers = batch.map((chunk) => chunk.buffer);
      onItsWay += batch.reduce((sum, chunk) => sum + chunk.length, 0);
      worker.postMessage({ chunks: batch } satisfies ToThread, buffers);
      while (onItsWay > WINDOW_BYTES && !over) {
        await new Promise<void>((resume) => {
          wake = resume;
        });
      }
      if (over) return;
    }
    worker.postMessage({ end: true } satisfies ToThread);
  }
  return { result, feed };
}

/** Chunks to be sent together: a message costs as much as reading a chunk. */
async function* batches(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array<ArrayBuffer>[]> {
  let batch: Uint8Array<ArrayBuffer>[] = [];
  let size = 0;
  for await (const chunk of chunks) {
    batch.push(transferable(chunk));
    size += chunk.length;
    if (size < BATCH_BYTES) continue;
    yield batch;
    batch = [];
    size = 0;
  }
  if (size > 0) yield batch;
}

/** A chunk that has its memory for itself goes as it is, any other as a copy. */
function transferable(chunk: Uint8Array): Uint8Array<ArrayBuffer> {
  const { buffer } = chunk;
  const isWhole = buffer instanceof ArrayBuffer && buffer.byteLength === chunk.byteLength;
  return isWhole ? new Uint8Array(buffer) : new Uint8Array(chunk);
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
