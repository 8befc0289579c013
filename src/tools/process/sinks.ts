import { type FileHandle, open } from 'node:fs/promises';
import { OutputTooLarge } from '../errors.js';
import { lineBatches } from './lines.js';

/** What becomes of a tool's stdout; `T` is what the run gives back as `output`. */
export type Sink<T> = { open(): Promise<OpenSink<T>> };

/** A sink in use: `stdio` goes to the child, `drain` runs beside it, `close` afterwards, also after a failure. */
export type OpenSink<T> = {
  readonly stdio: 'ignore' | 'pipe' | number;
  drain(chunks: AsyncIterable<Buffer>): Promise<T>;
  close(): Promise<void>;
};

/** Throws the output away. */
export function discard(): Sink<undefined> {
  return { open: async () => ({ stdio: 'ignore', drain: async () => undefined, close: async () => {} }) };
}

/** The tool writes straight into a file, which is created or emptied first. */
export function toFile(path: string): Sink<undefined> {
  return {
    open: async () => {
      const handle: FileHandle = await open(path, 'w');
      return { stdio: handle.fd, drain: async () => undefined, close: () => handle.close() };
    },
  };
}

/**
 * Hands the output to a consumer as it comes; the tool waits while the consumer is busy. What the consumer returns is the
 * run's `output`. One that throws, or stops before the end, ends the tool.
 */
export function readChunks<T>(consume: (chunks: AsyncIterable<Buffer>) => Promise<T>): Sink<T> {
  return { open: async () => ({ stdio: 'pipe', drain: consume, close: async () => {} }) };
}

/** The same for complete lines without their line ends, in batches of whatever one chunk holds. */
export function readLines<T>(
  consume: (batches: AsyncIterable<string[]>) => Promise<T>,
  encoding: 'utf8' | 'latin1' = 'utf8',
): Sink<T> {
  return readChunks((chunks) => consume(lineBatches(chunks, encoding)));
}

/** Calls a function for every line and keeps nothing. */
export function eachLine(handle: (line: string) => void): Sink<undefined> {
  return readLines(async (batches) => {
    for await (const batch of batches) batch.forEach(handle);
    return undefined;
  });
}

/** Collects the output as text; throws `OutputTooLarge` above the limit. */
export function collectText(limitBytes = 1_000_000): Sink<string> {
  return readChunks(async (chunks) => {
    const kept: Buffer[] = [];
    let size = 0;
    for await (const chunk of chunks) {
      size += chunk.length;
      if (size > limitBytes) throw new OutputTooLarge(limitBytes);
      kept.push(chunk);
    }
    return Buffer.concat(kept).toString('utf8');
  });
}

/** The chunks as they are; throws `OutputTooLarge` as soon as they are more than `limitBytes` together. */
export async function* limited(chunks: AsyncIterable<Buffer>, limitBytes: number): AsyncGenerator<Buffer> {
  let size = 0;
  for await (const chunk of chunks) {
    size += chunk.length;
    if (size > limitBytes) throw new OutputTooLarge(limitBytes);
    yield chunk;
  }
}
