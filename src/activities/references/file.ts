import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import type { ProcessError } from '../../contracts/processes.js';

/** Bytes that a reference file may unpack to; the official plant virus reference has 30 MB. */
const REFERENCE_FILE_LIMIT_BYTES = 256 * 1024 ** 2;

/** A reference file that cannot be imported, with every reason. */
export class UnusableReference extends Error {
  override name = 'UnusableReference';
  constructor(readonly errors: ProcessError[]) {
    super(errors[0]?.message ?? 'The reference file cannot be imported');
  }
}

const GZIP_MAGIC = Buffer.from([0x1f, 0x8b]);

/**
 * The JSON value in a gzip file.
 *
 * @throws UnusableReference when it is not gzip, is damaged, unpacks to more than the limit, or is not JSON.
 */
export async function readReferenceFile(
  path: string,
  signal: AbortSignal,
  limitBytes = REFERENCE_FILE_LIMIT_BYTES,
): Promise<unknown> {
  const content = decode(await unpack(path, signal, limitBytes));
  try {
    return JSON.parse(content);
  } catch (error) {
    throw unusable('json_error', (error as Error).message);
  }
}

async function unpack(path: string, signal: AbortSignal, limitBytes: number): Promise<Buffer> {
  await requireGzip(path);
  const chunks: Buffer[] = [];
  let size = 0;
  let isTooLarge = false;
  try {
    await pipeline(
      createReadStream(path),
      createGunzip(),
      async (unpacked: AsyncIterable<Buffer>) => {
        for await (const chunk of unpacked) {
          size += chunk.length;
          isTooLarge = size > limitBytes;
          // Leaving the loop ends the unpacking.
          if (isTooLarge) return;
          chunks.push(chunk);
        }
      },
      { signal },
    );
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    if (isTooLarge) throw unusable('unhandled', tooLarge(limitBytes));
    throw isDamage(error) ? unusable('unhandled', `The gzip file is damaged or cut: ${error.message}`) : error;
  }
  if (isTooLarge) throw unusable('unhandled', tooLarge(limitBytes));
  return Buffer.concat(chunks, size);
}

// Of an empty file the decoder makes empty text, which is not JSON: the contract's answer to it.
async function requireGzip(path: string): Promise<void> {
  try {
    for await (const chunk of createReadStream(path, { end: 1 })) {
      if (!GZIP_MAGIC.equals(chunk)) throw unusable('not_gzipped', 'Not a gzipped file');
      return;
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    throw unusable('unhandled', 'The uploaded file is not there any more');
  }
  throw unusable('json_error', 'Unexpected end of JSON input');
}

function decode(content: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(content);
  } catch {
    throw unusable('unhandled', 'The file is not valid UTF-8 text');
  }
}

function isDamage(error: unknown): error is Error {
  return error instanceof Error && String((error as NodeJS.ErrnoException).code).startsWith('Z_');
}

function tooLarge(limitBytes: number): string {
  return `The file unpacks to more than ${Math.floor(limitBytes / 1024 ** 2)} MiB`;
}

function unusable(id: string, message: string): UnusableReference {
  return new UnusableReference([{ id, message }]);
}
