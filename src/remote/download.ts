import { open } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import type { Download, DownloadAnswer } from '../contracts/releases.js';
import { type Outgoing, troubleOf, troubleOfFailure } from './http.js';
import { createSend } from './send.js';

/** A pause after which nothing more is expected to come. */
const IDLE_LIMIT_MS = 60_000;

class TooLarge extends Error {}

/**
 * Downloads into a file, which may be there in part after trouble.
 *
 * @throws the signal's reason when it is aborted, and what the disk throws.
 */
export async function downloadFile(
  { userAgent, limitMs = IDLE_LIMIT_MS, send = createSend() }: Outgoing,
  { url, path, limitBytes, signal, onBytes }: Download,
): Promise<DownloadAnswer> {
  let bytes = 0;
  // A stream that opens its file itself may still do so when its failure is known and the file was removed.
  const file = await open(path, 'w');
  const idle = createIdleLimit(limitMs);
  const count = async function* (chunks: AsyncIterable<Buffer>) {
    for await (const chunk of chunks) {
      idle.postpone();
      bytes += chunk.length;
      if (bytes > limitBytes) throw new TooLarge();
      onBytes(bytes);
      yield chunk;
    }
  };
  try {
    const answer = await send({
      url,
      headers: { 'User-Agent': userAgent },
      followsRedirections: true,
      signal: AbortSignal.any([signal, idle.signal]),
    });
    if (answer.status !== 200) {
      answer.discard();
      return { ok: false, trouble: troubleOf(answer.status) };
    }
    await pipeline(answer.body, count, file.createWriteStream({ flush: true }));
    return { ok: true, bytes };
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof TooLarge) return { ok: false, trouble: { reason: 'too_large' } };
    // A full disk and the like; trouble of the network comes as a ConnectionFailed.
    if (error instanceof Error && 'syscall' in error) throw error;
    return { ok: false, trouble: troubleOfFailure(error) };
  } finally {
    idle.end();
    await file.close();
  }
}

function createIdleLimit(limitMs: number) {
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(new Error('Nothing came for too long')), limitMs);
  return { signal: controller.signal, postpone: () => timer.refresh(), end: () => clearTimeout(timer) };
}
