import type { Context } from 'hono';
import type { Env } from '../http/route.js';

/** Addresses of the pages on which the web client of release 3.7.3 shows samples and their analyses. */
const PAGES = /^\/samples(\/|$)/;

/** A contig without anything, which that client shows as a result without hits. */
const NOTHING = { index: 0, sequence: '', orfs: [] };

/**
 * Whether the page of the web client of release 3.7.3 asks, where this server serves it. Scripts and other pages name no such page as where
 * they come from.
 */
export function isOldClient(context: Context<Env>, isServed: boolean): boolean {
  const referer = context.req.header('Referer');
  if (!isServed || referer === undefined || !URL.canParse(referer)) return false;
  const { host, pathname } = new URL(referer);
  return host === context.req.header('Host') && PAGES.test(pathname);
}

/** A NuVs result in which nothing was found, or not yet, as that client can show it: without a contig it would wait for ever. */
export function withoutContigs(): Buffer[] {
  return [Buffer.from(JSON.stringify([NOTHING]))];
}
