import { createReadStream, type Stats } from 'node:fs';
import { stat } from 'node:fs/promises';
import { Readable } from 'node:stream';
import type { Context } from 'hono';
import { notFound, Refusal } from '../http/refusals.js';
import type { Env, RouteResult } from '../http/route.js';

/** First and last byte, both included. */
type Range = { start: number; end: number };

/**
 * Answers with a file from disk, or with the range of bytes that is asked for; 404 when there is no such file and 416 when
 * the range lies behind its end. Several ranges in one request give the whole file.
 */
export async function fileResponse(context: Context<Env>, filePath: string, contentType: string): Promise<RouteResult> {
  const facts = await statFile(filePath);
  if (!facts) return notFound();
  const { size } = facts;
  const etag = `"${Math.floor(facts.mtimeMs).toString(16)}-${size.toString(16)}"`;
  const wanted = isCurrent(context.req.header('If-Range'), etag)
    ? readRange(context.req.header('Range'), size)
    : undefined;
  if (wanted === 'unsatisfiable') {
    return new Refusal(
      416,
      'range_not_satisfiable',
      'Range not satisfiable',
      {},
      { 'Content-Range': `bytes */${size}` },
    );
  }
  const { start, end } = wanted ?? { start: 0, end: size - 1 };
  const headers: Record<string, string> = {
    'Content-Type': contentType,
    'Content-Length': String(end - start + 1),
    'Accept-Ranges': 'bytes',
    ETag: etag,
    'Last-Modified': facts.mtime.toUTCString(),
    ...(wanted ? { 'Content-Range': `bytes ${start}-${end}/${size}` } : {}),
  };
  const isEmpty = context.req.method === 'HEAD' || size === 0;
  const body = isEmpty ? null : (Readable.toWeb(createReadStream(filePath, { start, end })) as ReadableStream);
  return new Response(body, { status: wanted ? 206 : 200, headers });
}

async function statFile(filePath: string): Promise<Stats | undefined> {
  try {
    const facts = await stat(filePath);
    return facts.isFile() ? facts : undefined;
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw error;
  }
}

function isCurrent(ifRange: string | undefined, etag: string): boolean {
  return ifRange === undefined || ifRange === etag;
}

/** A `Range` header (RFC 9110, section 14.1.2) against a file's size; undefined when the whole file is to be sent. */
export function readRange(header: string | undefined, size: number): Range | 'unsatisfiable' | undefined {
  const match = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header?.trim() ?? '');
  const [, first = '', last = ''] = match ?? [];
  if (!match || (first === '' && last === '')) return undefined;
  if (first === '') {
    const length = Math.min(Number(last), size);
    return length === 0 ? 'unsatisfiable' : { start: size - length, end: size - 1 };
  }
  const start = Number(first);
  const end = last === '' ? size - 1 : Math.min(Number(last), size - 1);
  if (last !== '' && Number(last) < start) return undefined;
  return start >= size ? 'unsatisfiable' : { start, end };
}
