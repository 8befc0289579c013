import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { isGzipped } from './folders.js';

const CHUNK_BYTES = 256 * 1024;

/**
 * The lines of a file of reads, plain or gzipped, in batches, without line ends; `bytes` tells how much of the file was read. Each byte
 * becomes one character (latin1).
 *
 * @throws Error with a code that begins with `Z_` when gzipped data is damaged.
 */
export async function* readReadLines(
  path: string,
  signal: AbortSignal,
): AsyncGenerator<{ lines: string[]; bytes: number }> {
  const source = createReadStream(path, { highWaterMark: CHUNK_BYTES, signal });
  const unpacked = (await isGzipped(path))
    ? // The iterator below gets the error of either stream.
      pipeline(source, createGunzip({ chunkSize: CHUNK_BYTES }), () => undefined)
    : source;
  let rest = '';
  for await (const chunk of unpacked as AsyncIterable<Buffer>) {
    const lines = (rest + chunk.toString('latin1')).split('\n');
    rest = lines.pop() ?? '';
    yield { lines, bytes: source.bytesRead };
  }
  signal.throwIfAborted();
  if (rest) yield { lines: [rest], bytes: source.bytesRead };
}
