import type { Context, Hono } from 'hono';
import type { ContentfulStatusCode, StatusCode } from 'hono/utils/http-status';
import type { Logger } from '../../log.js';
import type { AuditStore } from '../../store/audit.js';
import { auditActionOf, audited, auditSignIn } from './audit.js';
import { DEFAULT_BODY_LIMIT, readJsonBody } from './body.js';
import { type Access, type Caller, refuseAccess } from './caller.js';
import { encodeJson } from './json.js';
import type { RawQuery } from './paging.js';
import { Refusal, requiresAuthorization } from './refusals.js';
import type { Env, Route, RouteResult } from './route.js';
import { checkBody } from './validation.js';

/** Finds out who sends a request; undefined for nobody. May set cookies on the context. */
export type Authenticate = (context: Context<Env>) => Promise<Caller | undefined>;

/** The response of a refusal: the error envelope of the wire. */
export function refusalResponse(refusal: Refusal): Response {
  return new Response(encodeJson(refusal.body), {
    status: refusal.status,
    headers: { 'Content-Type': 'application/json; charset=utf-8', ...refusal.headers },
  });
}

/**
 * Registers the routes: 401, 403, 413/400/422, 404/403 of the right and then the handler, in this order on every route; 405 for other methods
 * of a known path.
 */
export function registerRoutes(
  app: Hono<Env>,
  routes: readonly Route[],
  { authenticate, audit }: { authenticate: Authenticate; audit: AuditStore },
): void {
  const server = { authenticate, audit };
  for (const route of routes) {
    app.on(route.method, route.path, (context) => answer(context, route, server));
  }
  for (const [path, same] of groupByPath(routes)) {
    const allowed = [...new Set(same.flatMap((route) => (route.method === 'GET' ? ['GET', 'HEAD'] : [route.method])))];
    app.all(path, () =>
      refusalResponse(new Refusal(405, 'method_not_allowed', 'Method not allowed', {}, { Allow: allowed.join(', ') })),
    );
  }
}

function groupByPath(routes: readonly Route[]): Map<string, Route[]> {
  const groups = new Map<string, Route[]>();
  for (const route of routes) groups.set(route.path, [...(groups.get(route.path) ?? []), route]);
  return groups;
}

type Server = { authenticate: Authenticate; audit: AuditStore };

async function answer(context: Context<Env>, route: Route, server: Server): Promise<Response> {
  const result = await handle(context, route, server).catch(refusalOrFault);
  const response = result instanceof Refusal ? refusalResponse(result) : result;
  // Through the context, so that cookies which authentication has set are kept.
  for (const [name, value] of response.headers) context.header(name, value, { append: name === 'set-cookie' });

  if (response.body === null) return context.body(null, response.status as StatusCode);
  return context.body(response.body, response.status as ContentfulStatusCode);
}

function refusalOrFault(error: unknown): Refusal {
  if (error instanceof Refusal) return error;
  throw error;
}

async function handle(context: Context<Env>, route: Route, { authenticate, audit }: Server): Promise<RouteResult> {
  const caller = isPublic(route.access) ? undefined : await authenticate(context);
  if (!isPublic(route.access)) {
    if (!caller) return requiresAuthorization();
    const refused = refuseAccess(caller, route.access);
    if (refused) return refused;
  }
  const log: Logger = context.get('log');
  const body = route.body
    ? checkBody(route.body, await readJsonBody(context, route.bodyLimit ?? DEFAULT_BODY_LIMIT, route.brokenJson))
    : undefined;
  const params = context.req.param() as Record<string, string>;
  const subject = caller && (await subjectOf(route, caller, params));
  if (subject instanceof Refusal) return subject;
  const request = {
    context,
    caller,
    params,
    query: rawQuery(context),
    body,
    subject,
    log: caller ? log.child({ userId: caller.userId }) : log,
  };
  const action = auditActionOf(route);
  if (!action) return route.handle(request);
  if (caller) return audited(audit, action, { context, caller, body }, () => route.handle(request));
  const result = await route.handle(request);
  await auditSignIn(audit, action, context, result);
  return result;
}

/** What the route's right finds. One that asks for no right is a fault: nobody gets past it. */
function subjectOf(route: Route, caller: Caller, params: Record<string, string>): Promise<unknown> {
  if (!route.right) throw new Error(`${route.method} ${route.path} names no right`);
  return route.right.find({ caller, params });
}

function isPublic(access: Access): access is { public: string } {
  return typeof access === 'object' && 'public' in access;
}

function rawQuery(context: Context<Env>): RawQuery {
  return Object.fromEntries(
    Object.entries(context.req.queries()).map(([key, values]) => [
      key,
      values.length === 1 ? (values[0] ?? '') : values,
    ]),
  );
}
