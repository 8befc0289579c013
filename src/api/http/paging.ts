import type { PageRequest } from '../../store/database/pages.js';

const DEFAULT_PER_PAGE = 25;
const MAXIMUM_PER_PAGE = 500;

/** Query values of a request: one text, or several when a key is repeated. */
export type RawQuery = Record<string, string | string[]>;

/** The first value of a query key. */
export function firstOf(query: RawQuery, key: string): string | undefined {
  const value = query[key];
  return Array.isArray(value) ? value[0] : value;
}

/** `page` and `per_page`: not a whole number gives the default, out of range is clamped. */
export function pageRequest(query: RawQuery): PageRequest {
  return {
    page: clamp(wholeNumber(firstOf(query, 'page')) ?? 1, 1, Number.MAX_SAFE_INTEGER / MAXIMUM_PER_PAGE),
    perPage: clamp(wholeNumber(firstOf(query, 'per_page')) ?? DEFAULT_PER_PAGE, 1, MAXIMUM_PER_PAGE),
  };
}

/** Whether a page is asked for where a list comes whole otherwise. */
export function isPaged(query: RawQuery): boolean {
  return 'page' in query || 'per_page' in query;
}

/** The search term, undefined when there is none. */
export function searchTerm(query: RawQuery, key = 'find'): string | undefined {
  return firstOf(query, key) || undefined;
}

/** Whether a query flag is on: `true`, `True` or `1`; undefined when it is absent. */
export function queryFlag(query: RawQuery, key: string): boolean | undefined {
  const value = firstOf(query, key);
  return value === undefined ? undefined : /^(true|1)$/i.test(value);
}

function wholeNumber(value: string | undefined): number | undefined {
  return value !== undefined && /^\s*[+-]?\d{1,9}\s*$/.test(value) ? Number(value) : undefined;
}

function clamp(value: number, low: number, high: number): number {
  return Math.min(Math.max(value, low), high);
}
