import type { IncomingHttpHeaders } from 'node:http';

const LIMITED = [403, 429];
const SHORTEST_MS = 60_000;
/** Of GitHub it is an hour at most; a clock that is wrong must not end all questions for ever. */
const LONGEST_MS = 24 * 3_600_000;

/**
 * When a service that was asked too often may be asked again, by its `Retry-After` or the `X-RateLimit-…` of GitHub; undefined when the answer
 * says nothing of that kind.
 */
export function rateLimitEnd(status: number, headers: IncomingHttpHeaders, now = Date.now()): Date | undefined {
  if (!LIMITED.includes(status)) return undefined;
  const pauseS = numberIn(headers['retry-after']);
  if (pauseS !== undefined) return bounded(now + pauseS * 1000, now);
  if (numberIn(headers['x-ratelimit-remaining']) !== 0) return undefined;
  const resetS = numberIn(headers['x-ratelimit-reset']);
  return bounded(resetS === undefined ? now : resetS * 1000, now);
}

function numberIn(header: string | string[] | undefined): number | undefined {
  return typeof header === 'string' && /^\d{1,12}$/.test(header) ? Number(header) : undefined;
}

// A moment that is over says that the clocks differ.
function bounded(end: number, now: number): Date {
  return new Date(end <= now ? now + SHORTEST_MS : Math.min(end, now + LONGEST_MS));
}
