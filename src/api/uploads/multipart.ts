import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { Busboy, type BusboyInstance } from '@fastify/busboy';
import { badRequest, Refusal } from '../http/refusals.js';

const MULTIPART = /^multipart\/form-data\s*;/i;
const READ_AHEAD_BYTES = 1024 ** 2;
const HEADER_LIMIT_BYTES = 16 * 1024;

/** The body of a request as it comes in. */
export type IncomingBody = { stream: ReadableStream<Uint8Array> | null; contentType: string | undefined };

/** The sender went away, or sends nothing for too long. */
class SenderGone extends Error {
  override name = 'SenderGone';
}

/** Hands a part to `store` while it comes in, and gives what `store` makes of it. */
export type StoreFirstPart = <T>(store: (part: Readable) => Promise<T>) => Promise<T>;

/**
 * Opens a multipart body. The function that it gives stores the first part, whatever it is called, and returns once the
 * whole body was read; other parts are passed over. When it throws, `store` has ended: a refusal 400 when the body breaks
 * off or holds no part, else what `store` throws.
 *
 * @throws Refusal 400 when the body is not multipart.
 */
export function openMultipart(body: IncomingBody, idleLimitMs: number): StoreFirstPart {
  const parser = createParser(body);
  return async (store) => {
    let part: Readable | undefined;
    let stored: ReturnType<typeof store> | undefined;
    // The parser reports one broken body several times, also when nobody listens any more.
    parser.on('error', ignore);
    parser.once('file', (_field, stream) => {
      stream.on('error', ignore);
      part = stream;
      stored = store(stream);
      // A full disk ends the request now, not when the last byte has come.
      stored.catch((error: Error) => parser.destroy(error));
    });
    try {
      await pipeline(Readable.from(untilIdle(body.stream, idleLimitMs)), parser);
    } catch (error) {
      part?.destroy(error as Error);
      await Promise.allSettled([stored]);
      throw describe(error);
    }
    if (!stored) throw badRequest('The request body holds no file');
    return stored;
  };
}

function ignore(): void {}

function createParser({ contentType }: IncomingBody): BusboyInstance {
  if (!contentType || !MULTIPART.test(contentType)) throw badRequest('The request body must be multipart/form-data');
  try {
    return new Busboy({
      headers: { 'content-type': contentType },
      isPartAFile: () => true,
      limits: { files: 1, headerSize: HEADER_LIMIT_BYTES },
      highWaterMark: READ_AHEAD_BYTES,
      fileHwm: READ_AHEAD_BYTES,
    });
  } catch (error) {
    throw badRequest(`The request body cannot be read: ${(error as Error).message}`);
  }
}

async function* untilIdle(stream: IncomingBody['stream'], idleLimitMs: number): AsyncGenerator<Uint8Array> {
  const reader = stream?.getReader();
  if (!reader) return;
  try {
    for (;;) {
      const { done, value } = await readWithin(reader, idleLimitMs);
      if (done) return;
      yield value;
    }
  } finally {
    reader.cancel().catch(() => undefined);
  }
}

async function readWithin(reader: ReadableStreamDefaultReader<Uint8Array>, limitMs: number) {
  let timer: NodeJS.Timeout | undefined;
  const tooLong = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new SenderGone('The upload stalled')), limitMs);
  });
  try {
    return await Promise.race([reader.read(), tooLong]);
  } catch (cause) {
    throw cause instanceof SenderGone ? cause : new SenderGone('The upload was broken off', { cause });
  } finally {
    clearTimeout(timer);
  }
}

function describe(error: unknown): unknown {
  if (error instanceof SenderGone) return badRequest(error.message);
  // Faults of the disk and of streams carry a code, those of the parser do not.
  if (error instanceof Refusal || !(error instanceof Error) || 'code' in error) return error;
  return badRequest(`The request body is not a complete multipart body: ${error.message}`);
}
