import { once } from 'node:events';
import { createReadStream, createWriteStream } from 'node:fs';
import { publishFile } from './publish.js';

const CHUNK_BYTES = 256 * 1024;

/**
 * The lines of a text file in batches, without line ends; with the number of bytes read so far. Each byte becomes one
 * character (latin1), so that names in any encoding come back unchanged from a writer of this file.
 */
export async function* readLineBatches(
  path: string,
  signal?: AbortSignal,
): AsyncGenerator<{ lines: string[]; bytes: number }> {
  let rest = '';
  let bytes = 0;
  const stream = createReadStream(path, { highWaterMark: CHUNK_BYTES, ...(signal ? { signal } : {}) });
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    const lines = (rest + chunk.toString('latin1')).split('\n');
    rest = lines.pop() ?? '';
    yield { lines, bytes };
  }
  if (rest) yield { lines: [rest], bytes };
}

/** A text file that appears whole under its name, or not at all. */
export type TextWriter = {
  /** Adds text of one byte per character (latin1); waits when the disk is slower. */
  write(text: string): Promise<void>;
  /** Puts the file under its final name. */
  publish(): Promise<void>;
  /** Ends writing without a file. Harmless after `publish`. */
  discard(): Promise<void>;
};

/** Opens a text file for writing under a partial name beside `path`; `attempt` keeps two tries apart. */
export function openTextWriter(path: string, attempt: string): TextWriter {
  const partial = `${path}.${attempt}.partial`;
  const stream = createWriteStream(partial, { highWaterMark: CHUNK_BYTES, encoding: 'latin1' });
  let failure: Error | undefined;
  stream.on('error', (error) => {
    failure = error;
  });
  const end = () =>
    new Promise<void>((resolve) => {
      if (stream.destroyed) resolve();
      else stream.end(() => resolve());
    });
  return {
    async write(text) {
      if (failure) throw failure;
      if (stream.write(text, 'latin1')) return;
      // The one that loses must not wait for ever.
      const over = new AbortController();
      const { signal } = over;
      await Promise.race([once(stream, 'drain', { signal }), once(stream, 'close', { signal })]);
      over.abort();
    },
    async publish() {
      await end();
      if (failure) throw failure;
      await publishFile(partial, path);
    },
    async discard() {
      stream.destroy();
    },
  };
}
