import type { IncomingHttpHeaders } from 'node:http';
import * as v from 'valibot';
import type { RemoteTrouble } from '../contracts/releases.js';
import { parseJsonAnswer } from './json_answer.js';
import { ProxyRefused } from './proxy.js';
import { rateLimitEnd } from './rate_limit.js';
import { type Answer, createSend, type Send } from './send.js';

/** What all outgoing requests have in common. */
export type Outgoing = {
  /** Who asks; some services refuse requests that do not say. */
  userAgent: string;
  /** Time for a whole answer to a small question. */
  limitMs?: number;
  /** How requests go out; directly unless given. */
  send?: Send;
};

/** An answer in JSON; no value when the service says that nothing has changed (304). */
export type JsonAnswer<T> =
  | { ok: true; value: T | undefined; headers: IncomingHttpHeaders }
  | { ok: false; trouble: RemoteTrouble };

const ANSWER_LIMIT_MS = 10_000;
const ANSWER_LIMIT_BYTES = 8 * 1024 ** 2;

/**
 * Asks for a JSON document and checks its form. Trouble is a value: nothing is thrown, whatever the service does.
 *
 * @throws the reason of `stop` when it is aborted.
 */
export async function getJson<S extends v.GenericSchema>(
  { userAgent, limitMs = ANSWER_LIMIT_MS, send = createSend() }: Outgoing,
  url: string,
  schema: S,
  headers: Record<string, string> = {},
  stop?: AbortSignal,
): Promise<JsonAnswer<v.InferOutput<S>>> {
  const limit = AbortSignal.timeout(limitMs);
  const signal = stop ? AbortSignal.any([limit, stop]) : limit;
  let text: string | undefined;
  let answer: Answer;
  try {
    answer = await send({
      url,
      headers: { 'User-Agent': userAgent, ...headers },
      followsRedirections: true,
      signal,
    });
    if (answer.status !== 200) answer.discard();
    if (answer.status === 304) return { ok: true, value: undefined, headers: answer.headers };
    if (answer.status !== 200) return { ok: false, trouble: troubleOf(answer.status, answer.headers) };
    text = (await readLimited(answer))?.toString('utf8');
  } catch (error) {
    stop?.throwIfAborted();
    return { ok: false, trouble: troubleOfFailure(error) };
  }
  const parsed = v.safeParse(schema, parseJsonAnswer(text));
  if (!parsed.success) return { ok: false, trouble: { reason: 'unreadable' } };
  return { ok: true, value: parsed.output, headers: answer.headers };
}

/** A small question: a GET, or a POST of form fields. */
export type Question = { url: string; form?: Record<string, string>; limitMs: number; signal?: AbortSignal };

/**
 * Asks and gives the bytes of an answer with status 200. Trouble is a value; a redirection is trouble too, since it could lead
 * to any host.
 *
 * @throws the signal's reason when it is aborted.
 */
export async function askOnce(
  { userAgent, limitMs: givenMs, send = createSend() }: Outgoing,
  { url, form, limitMs, signal }: Question,
): Promise<{ ok: true; body: Buffer } | { ok: false; trouble: RemoteTrouble }> {
  const limit = AbortSignal.timeout(givenMs ?? limitMs);
  try {
    const answer = await send({
      url,
      form,
      headers: { 'User-Agent': userAgent },
      followsRedirections: false,
      signal: signal ? AbortSignal.any([signal, limit]) : limit,
    });
    if (answer.status !== 200) {
      answer.discard();
      return { ok: false, trouble: troubleOf(answer.status) };
    }
    const body = await readLimited(answer);
    return body ? { ok: true, body } : { ok: false, trouble: { reason: 'too_large' } };
  } catch (error) {
    signal?.throwIfAborted();
    return { ok: false, trouble: troubleOfFailure(error) };
  }
}

/** What a status that is no success means, with its headers where they may say when to ask again. */
export function troubleOf(status: number, headers: IncomingHttpHeaders = {}): RemoteTrouble {
  const until = rateLimitEnd(status, headers);
  if (until) return { reason: 'rate_limited', until };
  return status === 404 ? { reason: 'not_found' } : { reason: 'status', status };
}

/** What it means that there was no answer. */
export function troubleOfFailure(error: unknown): RemoteTrouble {
  // A refused or cut connection, an answer that takes too long: to the caller all the same.
  return error instanceof ProxyRefused ? { reason: 'status', status: 407 } : { reason: 'unreachable' };
}

/** The bytes of an answer; undefined when it is longer than any that makes sense. */
async function readLimited({ body }: Answer): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > ANSWER_LIMIT_BYTES) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
