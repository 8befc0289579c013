import { Hono } from 'hono';
import type { ApiDeps } from './deps.js';
import { errorHandler, requestLog, sameOrigin, standardHeaders } from './http/middleware.js';
import { notFound } from './http/refusals.js';
import { type Authenticate, refusalResponse, registerRoutes } from './http/register.js';
import type { Env, Route } from './http/route.js';

/** Every route of the API with its access and documentation. */
export function createRoutes(_deps: ApiDeps): Route[] {
  return [];
}

/** The HTTP application; tests call its `request`. */
export function createApp(deps: ApiDeps, authenticate: Authenticate): Hono<Env> {
  const app = new Hono<Env>();
  app.use(requestLog(deps.log), standardHeaders(deps.version), sameOrigin());
  app.onError(errorHandler());
  app.notFound(() => refusalResponse(notFound()));
  registerRoutes(app, createRoutes(deps), authenticate);
  return app;
}
