import type { Context } from 'hono';
import { badRequest, invalidInput, Refusal } from './refusals.js';
import type { Env } from './route.js';

/** Largest JSON body unless a route says otherwise. */
export const DEFAULT_BODY_LIMIT = 1024 ** 2;

/**
 * The body as an object. JSON whatever the content type; nothing at all counts as `{}`.
 *
 * @throws Refusal 413 above the limit, 400 for broken JSON unless that counts as empty, 422 for JSON that is not an object.
 */
export async function readJsonBody(
  context: Context<Env>,
  limit: number,
  brokenJson: 'refuse' | 'empty' = 'refuse',
): Promise<Record<string, unknown>> {
  const content = await readLimited(context, limit);
  if (content.trim() === '') return {};
  let value: unknown;
  try {
    value = JSON.parse(content);
  } catch (error) {
    if (brokenJson === 'empty') return {};
    throw badRequest(`Request body is not valid JSON: ${(error as Error).message}`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw invalidInput({ body: ['must be of dict type'] });
  }
  return value as Record<string, unknown>;
}

/** The refusal of a body that is too large. */
function tooLarge(limit: number): Refusal {
  const mebibytes = Math.round((limit / 1024 ** 2) * 10) / 10;
  return new Refusal(413, 'too_large', `Request body is larger than ${mebibytes} MiB`);
}

async function readLimited(context: Context<Env>, limit: number): Promise<string> {
  if (Number(context.req.header('Content-Length') ?? 0) > limit) throw tooLarge(limit);
  const stream = context.req.raw.body;
  if (!stream) return '';
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of stream as unknown as AsyncIterable<Uint8Array>) {
    size += chunk.byteLength;
    if (size > limit) throw tooLarge(limit);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
