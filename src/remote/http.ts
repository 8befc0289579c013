import * as v from 'valibot';
import type { RemoteTrouble } from '../contracts/releases.js';
import { isProxyRefusal } from './proxy.js';

/** What all outgoing requests have in common. */
export type Outgoing = {
  /** Who asks; some services refuse requests that do not say. */
  userAgent: string;
  /** Time for a whole answer to a small question. */
  limitMs?: number;
  /** How requests go out; directly unless given. */
  fetch?: typeof fetch;
};

/** An answer in JSON; no value when the service says that nothing has changed (304). */
export type JsonAnswer<T> =
  | { ok: true; value: T | undefined; headers: Headers }
  | { ok: false; trouble: RemoteTrouble };

const ANSWER_LIMIT_MS = 10_000;
const ANSWER_LIMIT_BYTES = 8 * 1024 ** 2;

/**
 * Asks for a JSON document and checks its form. Trouble is a value: nothing is thrown, whatever the service does.
 *
 * @throws the reason of `stop` when it is aborted.
 */
export async function getJson<S extends v.GenericSchema>(
  outgoing: Outgoing,
  url: string,
  schema: S,
  headers: Record<string, string> = {},
  stop?: AbortSignal,
): Promise<JsonAnswer<v.InferOutput<S>>> {
  const limit = AbortSignal.timeout(outgoing.limitMs ?? ANSWER_LIMIT_MS);
  const signal = stop ? AbortSignal.any([limit, stop]) : limit;
  let text: string | undefined;
  let response: Response;
  try {
    response = await (outgoing.fetch ?? fetch)(url, {
      headers: { 'User-Agent': outgoing.userAgent, ...headers },
      signal,
    });
    if (response.status === 304) return { ok: true, value: undefined, headers: response.headers };
    text = response.ok ? (await readLimited(response))?.toString('utf8') : undefined;
    if (!response.ok) await response.body?.cancel();
  } catch (error) {
    stop?.throwIfAborted();
    return { ok: false, trouble: troubleOfFailure(error) };
  }
  if (!response.ok) return { ok: false, trouble: troubleOf(response.status) };
  const parsed = v.safeParse(schema, parseJson(text));
  if (!parsed.success) return { ok: false, trouble: { reason: 'unreadable' } };
  return { ok: true, value: parsed.output, headers: response.headers };
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
  outgoing: Outgoing,
  { url, form, limitMs, signal }: Question,
): Promise<{ ok: true; body: Buffer } | { ok: false; trouble: RemoteTrouble }> {
  const limit = AbortSignal.timeout(outgoing.limitMs ?? limitMs);
  try {
    const response = await (outgoing.fetch ?? fetch)(url, {
      headers: { 'User-Agent': outgoing.userAgent },
      redirect: 'manual',
      signal: signal ? AbortSignal.any([signal, limit]) : limit,
      ...(form ? { method: 'POST', body: new URLSearchParams(form) } : {}),
    });
    if (response.status !== 200) {
      await response.body?.cancel();
      return { ok: false, trouble: troubleOf(response.status) };
    }
    const body = await readLimited(response);
    return body ? { ok: true, body } : { ok: false, trouble: { reason: 'too_large' } };
  } catch (error) {
    signal?.throwIfAborted();
    return { ok: false, trouble: troubleOfFailure(error) };
  }
}

/** What a status that is no success means. */
export function troubleOf(status: number): RemoteTrouble {
  return status === 404 ? { reason: 'not_found' } : { reason: 'status', status };
}

/** What it means that there was no answer. */
export function troubleOfFailure(error: unknown): RemoteTrouble {
  // No name, no route, a refused or cut connection, an answer that takes too long: to the caller all the same.
  return isProxyRefusal(error) ? { reason: 'status', status: 407 } : { reason: 'unreachable' };
}

/** The bytes of an answer; undefined when it is longer than any that makes sense. */
async function readLimited(response: Response): Promise<Buffer | undefined> {
  if (!response.body) return Buffer.alloc(0);
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
    size += chunk.byteLength;
    if (size > ANSWER_LIMIT_BYTES) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function parseJson(text: string | undefined): unknown {
  try {
    return text === undefined ? undefined : JSON.parse(text);
  } catch {
    return undefined;
  }
}
