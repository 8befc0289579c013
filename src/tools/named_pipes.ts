import { closeSync, constants, openSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import type { ToolCommand } from './command.js';
import { unobserved } from './observer.js';
import { type RunOptions, runTool, type Sink } from './runner.js';

/** A named pipe that a program takes for its output file, and who reads what it writes. */
export type OutputPipe<T> = {
  path: string;
  /** Must read the descriptor to its end, in a thread of its own. `signal` is aborted when the program or another reader failed. */
  read(descriptor: number, signal: AbortSignal): Promise<T>;
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
  await makePipes(pipes.map(({ path }) => path));
  const open: Ends[] = [];
  const fail = (error: unknown): never => {
    failed.abort(error);
    throw error;
  };
  try {
    for (const { path } of pipes) open.push(openBothEnds(path));
    const reading = pipes.map((pipe, i) => pipe.read((open[i] as Ends).readEnd, signal).catch(fail));
    // Closed only now, so that a reader does not take a program that has not opened its file yet for one that has ended.
    const running = runTool(command, { ...options, signal })
      .catch(fail)
      .finally(() => {
        for (const { closeWriteEnd } of open) closeWriteEnd();
      });
    const [, ...results] = await Promise.allSettled([running, ...reading]);
    signal.throwIfAborted();
    return results.map((result) => (result as PromiseFulfilledResult<T>).value);
  } finally {
    for (const { readEnd, closeWriteEnd } of open) {
      closeWriteEnd();
      closeSync(readEnd);
    }
  }
}

/**
 * Runs a tool whose stdin is a pipe that `write` fills by its descriptor, in a thread of its own; gives what that returns. The pipe gets the
 * name `path` for a moment. An error of the tool goes before one of the writer, who may only have lost his reader.
 */
export async function feedTool<T>(
  command: ToolCommand,
  path: string,
  write: (descriptor: number) => Promise<T>,
  options: RunOptions & { stdout: Sink<unknown> },
): Promise<T> {
  await makePipes([path]);
  const { readEnd, writeEnd, closeWriteEnd } = openBothEnds(path);
  await rm(path);
  const running = runTool(command, { ...options, stdin: readEnd });
  const writing = write(writeEnd).finally(closeWriteEnd);
  const [ran, written] = await Promise.allSettled([running, writing]);
  if (ran.status === 'rejected') throw ran.reason;
  if (written.status === 'rejected') throw written.reason;
  return written.value;
}

/**
 * A tool's stdout as a pipe that `consume` reads to its end by its descriptor, in a thread of its own: this one does nothing for the data. The
 * pipe gets the name `path` for a moment; a former file of that name is removed.
 */
export function readDescriptor<T>(path: string, consume: (descriptor: number) => Promise<T>): Sink<T> {
  return {
    open: async () => {
      await rm(path, { force: true });
      await makePipes([path]);
      const { readEnd, writeEnd, closeWriteEnd } = openBothEnds(path);
      await rm(path);
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

async function makePipes(paths: readonly string[]): Promise<void> {
  await unobserved(() => runTool({ argv: ['mkfifo', ...paths] }));
}

/** Both ends of a pipe. A reader sees the end when nobody holds the write end any more, neither a tool nor this process. */
type Ends = { readEnd: number; writeEnd: number; closeWriteEnd(): void };

/** Readers and writers of a pipe wait for each other, so the first end is opened without waiting. */
function openBothEnds(path: string): Ends {
  const first = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const writeEnd = openSync(path, constants.O_WRONLY);
    let isOpen = true;
    const closeWriteEnd = () => {
      if (isOpen) closeSync(writeEnd);
      isOpen = false;
    };
    return { readEnd: openSync(path, constants.O_RDONLY), writeEnd, closeWriteEnd };
  } finally {
    closeSync(first);
  }
}
