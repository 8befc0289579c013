import { randomBytes, randomUUID } from 'node:crypto';
import type { Context, ErrorHandler, MiddlewareHandler } from 'hono';
import { MongoError } from 'mongodb';
import type { Logger } from '../../log.js';
import { Refusal, unavailable } from './refusals.js';
import { refusalResponse } from './register.js';
import type { Env } from './route.js';

const REQUEST_ID = /^[\w.-]{1,64}$/;
const READ_METHODS = ['GET', 'HEAD', 'OPTIONS'];

/** Gives every request an id and a logger, and writes one line when it is answered. */
export function requestLog(log: Logger): MiddlewareHandler<Env> {
  return async (context, next) => {
    const given = context.req.header('X-Request-Id');
    const requestId = given && REQUEST_ID.test(given) ? given : randomUUID();
    const requestLogger = log.child({ requestId });
    context.set('requestId', requestId);
    context.set('log', requestLogger);
    const startedAt = performance.now();
    await next();
    context.header('X-Request-Id', requestId);
    const { method, path } = context.req;
    const durationMs = Math.round(performance.now() - startedAt);
    requestLogger.debug({ method, path, status: context.res.status, durationMs }, 'request answered');
  };
}

/** The headers that every answer carries. */
export function standardHeaders(version: string): MiddlewareHandler<Env> {
  return async (context, next) => {
    const nonce = randomBytes(20).toString('hex');
    context.set('nonce', nonce);
    await next();
    context.header('X-Virtool-Version', version);
    // A page may have said what else it needs.
    if (!context.res.headers.has(POLICY)) context.header(POLICY, contentSecurityPolicy(nonce));
    context.header('X-Content-Type-Options', 'nosniff');
    context.header('Referrer-Policy', 'same-origin');
    context.header('X-Frame-Options', 'DENY');
  };
}

const POLICY = 'Content-Security-Policy';

/** What a page may load: files of this server, and styles and fonts of `styleHost` where one is given. */
export function contentSecurityPolicy(nonce: string, styleHost?: string): string {
  const outside = styleHost === undefined ? '' : ` ${styleHost}`;
  return [
    "default-src 'self'",
    "connect-src 'self'",
    `font-src 'self' data:${outside}`,
    "img-src 'self' data:",
    `script-src 'self' 'nonce-${nonce}'`,
    `style-src 'self' 'unsafe-inline'${outside}`,
    "frame-ancestors 'none'",
    "base-uri 'self'",
  ].join('; ');
}

/** Refuses writes that another site's page sends: an `Origin` that is not ours. Scripts send none. */
export function sameOrigin(): MiddlewareHandler<Env> {
  return async (context, next) => {
    const origin = context.req.header('Origin');
    if (origin !== undefined && !READ_METHODS.includes(context.req.method) && !isOwnOrigin(context, origin)) {
      return refusalResponse(new Refusal(403, 'foreign_origin', 'Requests from other sites are not accepted'));
    }
    return next();
  };
}

/** Whether an `Origin` header names the host that the request was sent to. */
function isOwnOrigin(context: Context, origin: string): boolean {
  const host = context.req.header('Host');
  return URL.canParse(origin) && new URL(origin).host === host;
}

/** Turns what handlers throw into answers: refusals as they are, a lost database into 503, all else into 500. */
export function errorHandler(): ErrorHandler<Env> {
  return (error, context) => {
    if (error instanceof Refusal) return refusalResponse(error);
    const log = context.get('log');
    const requestId = context.get('requestId');
    if (isDatabaseGone(error)) {
      log.warn({ err: error }, 'database not reachable');
      return refusalResponse(unavailable('The database is not reachable at the moment'));
    }
    log.error({ err: error }, 'request failed');
    const refusal = new Refusal(500, 'internal_error', `Internal error. Its id in the server's log is ${requestId}.`);
    return refusalResponse(refusal);
  };
}

function isDatabaseGone(error: unknown): boolean {
  return (
    error instanceof MongoError &&
    ['MongoNetworkError', 'MongoServerSelectionError', 'MongoTopologyClosedError', 'MongoNotConnectedError'].includes(
      error.name,
    )
  );
}
