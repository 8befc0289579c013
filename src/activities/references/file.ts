import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import type { ProcessError } from '../../contracts/processes.js';
import { JsonElements, type JsonLimits, JsonTooLarge } from '../../files/json_elements.js';

/**
 * What a reference file may unpack to. The official plant virus reference has 30 MB and 82,000 values, at most 800 of them in one OTU, and an
 * OTU that the database takes has less than 16 MiB.
 */
export const REFERENCE_LIMITS: JsonLimits = {
  bytes: 256 * 1024 ** 2,
  values: 5_000_000,
  depth: 100,
  elementBytes: 32 * 1024 ** 2,
  elementValues: 200_000,
};

/** A reference file that cannot be imported, with every reason. */
export class UnusableReference extends Error {
  override name = 'UnusableReference';
  constructor(readonly errors: ProcessError[]) {
    super(errors[0]?.message ?? 'The reference file cannot be imported');
  }
}

const GZIP_MAGIC = Buffer.from([0x1f, 0x8b]);

/**
 * Reads a gzipped reference file through without keeping it: what it says beside its OTUs; in the list `otus` each of them is a `0`.
 *
 * @throws UnusableReference when it is not gzip, is damaged, passes a limit, or is not JSON outside of the OTUs.
 */
export async function readReferenceFile(
  path: string,
  signal: AbortSignal,
  limits = REFERENCE_LIMITS,
): Promise<unknown> {
  const elements = new JsonElements(limits, 'otus');
  for await (const chunk of unpacked(path, signal)) {
    explained(() => elements.push(chunk));
  }
  return explained(() => elements.end());
}

/**
 * The OTUs of a reference file, one at a time and as they are there; at its end it returns the rest, as {@link readReferenceFile} does.
 *
 * @throws UnusableReference for the same reasons, and when one of the OTUs is not JSON.
 */
export async function* readOtus(path: string, signal: AbortSignal): AsyncGenerator<unknown, unknown> {
  const elements = new JsonElements(REFERENCE_LIMITS, 'otus');
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  let number = 0;
  for await (const chunk of unpacked(path, signal)) {
    const complete: Buffer[] = [];
    explained(() => elements.push(chunk, (element) => complete.push(element)));
    for (const element of complete) {
      number += 1;
      yield explained(() => JSON.parse(decoder.decode(element)), `OTU ${number}: `);
    }
  }
  return explained(() => elements.end());
}

async function* unpacked(path: string, signal: AbortSignal): AsyncGenerator<Buffer> {
  await requireGzip(path);
  const gunzip = createGunzip();
  // Its error is that of the iteration too.
  pipeline(createReadStream(path), gunzip, { signal }).catch(() => undefined);
  try {
    yield* gunzip as AsyncIterable<Buffer>;
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    throw isDamage(error) ? unusable('unhandled', `The gzip file is damaged or cut: ${error.message}`) : error;
  }
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

function explained<T>(work: () => T, where = ''): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof JsonTooLarge) throw unusable('unhandled', `The file ${error.message}`);
    if (error instanceof SyntaxError) throw unusable('json_error', where + error.message);
    // Of the decoder.
    if (error instanceof TypeError) throw unusable('unhandled', 'The file is not valid UTF-8 text');
    throw error;
  }
}

function isDamage(error: unknown): error is Error {
  return error instanceof Error && String((error as NodeJS.ErrnoException).code).startsWith('Z_');
}

function unusable(id: string, message: string): UnusableReference {
  return new UnusableReference([{ id, message }]);
}
