import { closeSync, constants, openSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { Socket } from 'node:net';
import type { ToolCommand } from './command.js';
import { unobserved } from './observer.js';
import { type RunOptions, runTool, type Sink } from './runner.js';

/** A named pipe that a program takes for its output file, and who reads what it writes. */
export type OutputPipe<T> = {
  path: string;
  /** Must read to the end. `signal` is aborted when the program or another reader failed. */
  read(chunks: AsyncIterable<Buffer>, signal: AbortSignal): Promise<T>;
};

/**
 * Runs a program that writes files by name into readers of this process, so that nothing of it lies on the disk: makes the named
 * pipes, which the caller removes, and gives what the readers return. Whatever fails first, program or reader, ends the
 * others, and its error is thrown.
 */
export async function runIntoPipes<T>(
  command: ToolCommand,
  pipes: readonly OutputPipe<T>[],
  options: RunOptions = {},
): Promise<T[]> {
  const failed = new AbortController();
  const signal = AbortSignal.any([failed.signal, ...(options.signal ? [options.signal] : [])]);
  const [first = '', ...others] = pipes.map(({ path }) => path);
  await unobserved(() => runTool({ argv: ['mkfifo', first, ...others] }, { signal }));
  const open: OpenPipe[] = [];
  const fail = (error: unknown): never => {
    failed.abort(error);
    throw error;
  };
  try {
    for (const { path } of pipes) open.push(openPipe(path, signal));
    const reading = pipes.map((pipe, i) => pipe.read((open[i] as OpenPipe).chunks, signal).catch(fail));
    const running = runTool(command, { ...options, signal }).then(() => {
      for (const pipe of open) pipe.end();
    }, fail);
    const [, ...results] = await Promise.allSettled([running, ...reading]);
    signal.throwIfAborted();
    return results.map((result) => (result as PromiseFulfilledResult<T>).value);
  } finally {
    for (const pipe of open) pipe.close();
  }
}

/**
 * A tool's stdout as a pipe that `consume` reads to its end by its descriptor, in a thread of its own: this one does nothing for the data. The
 * pipe gets the name `path` for a moment; a former file of that name is removed.
 */
export function readDescriptor<T>(path: string, consume: (descriptor: number) => Promise<T>): Sink<T> {
  return {
    open: async () => {
      await rm(path, { force: true });
      await unobserved(() => runTool({ argv: ['mkfifo', path] }));
      const { readEnd, writeEnd } = openBothEnds(path);
      await rm(path);
      // The reader sees the end when nobody holds the other end any more, neither the tool nor this process.
      const closeWriteEnd = once(() => closeSync(writeEnd));
      return {
        stdio: writeEnd,
        drain: () => {
          closeWriteEnd();
          return consume(readEnd);
        },
        close: async () => {
          closeWriteEnd();
          closeSync(readEnd);
        },
      };
    },
  };
}

/** Both ends of a pipe, whose readers and writers wait for each other; opening one end alone would wait for the other. */
function openBothEnds(path: string): { readEnd: number; writeEnd: number } {
  const first = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const writeEnd = openSync(path, constants.O_WRONLY);
    return { readEnd: openSync(path, constants.O_RDONLY), writeEnd };
  } finally {
    closeSync(first);
  }
}

function once(act: () => void): () => void {
  let done = false;
  return () => {
    if (!done) act();
    done = true;
  };
}

type OpenPipe = { chunks: AsyncIterable<Buffer>; end(): void; close(): void };

/** Opens both ends, so that neither side waits for the other; `end` lets the reader see the end of what was written. */
function openPipe(path: string, signal: AbortSignal): OpenPipe {
  const socket = new Socket({ fd: openSync(path, constants.O_RDONLY | constants.O_NONBLOCK), writable: false });
  let writeEnd: number | undefined = openSync(path, constants.O_WRONLY | constants.O_NONBLOCK);
  const end = () => {
    if (writeEnd !== undefined) closeSync(writeEnd);
    writeEnd = undefined;
  };
  const stop = () => socket.destroy(signal.reason instanceof Error ? signal.reason : new Error(String(signal.reason)));
  socket.on('error', () => {});
  signal.addEventListener('abort', stop, { once: true });
  return {
    // Left open when a reader fails: the program must not die of a broken pipe before the reader's error is known.
    chunks: socket.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>,
    end,
    close: () => {
      signal.removeEventListener('abort', stop);
      end();
      socket.destroy();
    },
  };
}
