import type { TransformOptions } from 'node:stream';
import { createGunzip, type Gunzip, type ZlibOptions } from 'node:zlib';

const PLAIN_BYTES = 256 * 1024;
/** What is unpacked ahead of the reader. */
const AHEAD_BYTES = 1024 * 1024;
const MAGIC = 0x1f;

/** Why gzip data cannot be read to its end. */
export class BadGzip extends Error {
  override name = 'BadGzip';
  constructor(readonly problem: 'damaged' | 'trailing_bytes') {
    super(`Gzip data: ${problem}`);
  }
}

/** What is between the members of gzip data, or behind the last one. */
export type GzipFacts = { hasPadding: boolean };

/**
 * Unpacks gzip data: any number of members, empty ones too, with zeros between them and behind the last one; `facts` tells of zeros. The chunks
 * that are read must stay as they are until the next one is asked for. zlib works in another thread while the reader works with a chunk.
 *
 * @throws BadGzip when data is damaged or cut, or when anything but zeros and further members follows a member.
 */
export async function* gunzip(chunks: AsyncIterable<Buffer>, facts: GzipFacts): AsyncGenerator<Buffer> {
  const source = chunks[Symbol.asyncIterator]();
  let rest: Buffer | undefined;
  try {
    for (let isFirst = true; ; isFirst = false) {
      rest = await skipZeros(source, rest, isFirst ? undefined : facts);
      if (rest === undefined) return;
      if (rest[0] !== MAGIC) throw new BadGzip('trailing_bytes');
      rest = yield* members(source, rest);
    }
  } finally {
    await source.return?.();
  }
}

/** The data behind zeros, undefined at the end. */
async function skipZeros(
  source: AsyncIterator<Buffer>,
  rest: Buffer | undefined,
  facts: GzipFacts | undefined,
): Promise<Buffer | undefined> {
  for (let chunk = rest; ; ) {
    if (chunk === undefined || chunk.length === 0) {
      const next = await source.next();
      if (next.done) return undefined;
      chunk = next.value;
      continue;
    }
    if (facts === undefined) return chunk;
    const first = chunk.findIndex((byte) => byte !== 0);
    if (first !== 0) facts.hasPadding = true;
    if (first >= 0) return chunk.subarray(first);
    chunk = undefined;
  }
}

/** Unpacks members that follow each other, from `first` on; what follows them is returned, nothing at the end of the source. */
async function* members(
  source: AsyncIterator<Buffer>,
  first: Buffer,
): AsyncGenerator<Buffer, Buffer | undefined, undefined> {
  const options: ZlibOptions & TransformOptions = { chunkSize: PLAIN_BYTES, readableHighWaterMark: AHEAD_BYTES };
  const unzip = createGunzip(options);
  const feeding = feed(unzip, source, first);
  feeding.catch((error: Error) => unzip.destroy(error));
  try {
    yield* unzip as AsyncIterable<Buffer>;
  } catch (error) {
    throw explain(error);
  } finally {
    unzip.destroy();
  }
  return await feeding;
}

/** Writes the source into `unzip` until its data ends. Gives what zlib left of the chunk in which it ended. */
async function feed(unzip: Gunzip, source: AsyncIterator<Buffer>, first: Buffer): Promise<Buffer | undefined> {
  const closed = new Promise<void>((resolve) => unzip.once('close', resolve));
  let written = 0;
  for (let chunk = first; ; ) {
    const taken = new Promise<void>((resolve) => unzip.write(chunk, () => resolve()));
    await Promise.race([taken, closed]);
    if (unzip.destroyed && !unzip.readableEnded) return undefined;
    // Before zeros zlib says that it is done.
    const used = unzip.bytesWritten - written;
    if (used < chunk.length) return chunk.subarray(used);
    written += chunk.length;
    const next = await source.next();
    if (next.done) break;
    chunk = next.value;
  }
  unzip.end();
  return undefined;
}

function explain(error: unknown): unknown {
  if (!String((error as NodeJS.ErrnoException).code).startsWith('Z_')) return error;
  return new BadGzip(/incorrect header check/.test((error as Error).message) ? 'trailing_bytes' : 'damaged');
}
