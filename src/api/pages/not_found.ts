import type { Context, MiddlewareHandler } from 'hono';
import { accepts } from 'hono/accepts';
import { notFound } from '../http/refusals.js';
import { refusalResponse } from '../http/register.js';
import type { Env } from '../http/route.js';
import { htmlPage } from './html.js';

const MACHINE_PATHS = /^\/(api|upload|download|health)(\/|$)/;
const TRANSFER_PATHS = /^\/(upload|download)(\/|$)/;

/** The answer for a path that no route has: the error envelope where programs ask, a page where people do. */
export function answerUnknownPath(context: Context<Env>): Response {
  return MACHINE_PATHS.test(context.req.path) ? refusalResponse(notFound()) : notFoundPage();
}

/** Turns a 404 of uploads and downloads into a page for browsers, which follow links to them; others keep the envelope. */
export function notFoundPages(): MiddlewareHandler<Env> {
  return async (context, next) => {
    await next();
    if (context.res.status !== 404 || !TRANSFER_PATHS.test(context.req.path)) return;
    if (prefersHtml(context)) context.res = notFoundPage();
  };
}

function prefersHtml(context: Context<Env>): boolean {
  const supports = ['application/json', 'text/html'];
  return accepts(context, { header: 'Accept', supports, default: 'application/json' }) === 'text/html';
}

function notFoundPage(): Response {
  return htmlPage('404 Not found', '<h1>404 Not found</h1>\n<p>There is nothing at this address.</p>', 404);
}
