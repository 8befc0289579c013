import { afterAll, beforeAll, expect, test } from 'vitest';
import { createRoutes } from '../../src/api/app.js';
import type { Route } from '../../src/api/http/route.js';
import { PERMISSIONS } from '../../src/contracts/permissions.js';
import { type IdentityServer, identityServer } from '../support/identity.js';

/** Every route that answers without a sign-in. Whoever adds one gives the reason here too. */
const PUBLIC: Record<string, string> = {
  'POST /api/account/login': 'signing in',
  'GET /api/account/logout': 'signing out must work after the session has ended',
  'POST /api/account/reset': 'the code and the cookie of the login stand for the user',
  'PUT /api/users/first': 'there is nobody yet; works once',
  'GET /health/live': 'supervisors have no account; no data',
  'GET /health/ready': 'supervisors have no account; names of parts only',
  'GET /api/openapi.json': 'description of the interface; no data',
  'GET /api/docs': 'description of the interface; no data',
  'GET /api/docs/assets/:file': 'files of the description',
  'GET /': 'page to sign in on',
  'GET /static/*': 'files of the page to sign in on',
  'GET /ws': 'the handshake checks the session itself',
};

for (const page of ['account', 'administration', 'home', 'hmm', 'jobs', 'otus', 'refs', 'samples', 'subtraction']) {
  PUBLIC[`GET /${page}`] = 'page to sign in on';
  PUBLIC[`GET /${page}/*`] = 'page to sign in on';
}

let server: IdentityServer;
let routes: Route[];
beforeAll(async () => {
  server = await identityServer();
  routes = createRoutes(server.deps);
});
afterAll(() => server.dispose());

const nameOf = (route: Route) => `${route.method} ${route.path}`;
const isPublic = (route: Route) => typeof route.access === 'object' && 'public' in route.access;

test('there are routes, each registered once', () => {
  expect(routes.length).toBeGreaterThan(30);
  const names = routes.map(nameOf);
  expect(names.filter((name, place) => names.indexOf(name) !== place)).toEqual([]);
});

test('every route has a summary, a description and its answers', () => {
  for (const route of routes) {
    const name = nameOf(route);
    expect(route.summary.length, name).toBeGreaterThan(3);
    expect(route.summary, name).not.toMatch(/\.$/);
    expect(route.description.length, name).toBeGreaterThan(10);
    expect(route.tag, name).toBeTruthy();
    expect(Object.keys(route.answers).length, name).toBeGreaterThan(0);
    for (const answer of Object.values(route.answers)) {
      expect(typeof answer === 'string' ? answer : answer.description, name).toBeTruthy();
    }
  }
});

test('every route says who may use it', () => {
  for (const { access, ...route } of routes) {
    const isPermission = typeof access === 'object' && 'permission' in access;
    if (isPermission) expect(PERMISSIONS, route.path).toContain(access.permission);
    else if (typeof access === 'string') expect(['user', 'session', 'administrator'], route.path).toContain(access);
    else expect(access?.public, route.path).toBeTruthy();
  }
});

test('only the listed routes are public, each with a reason', () => {
  for (const route of routes.filter(isPublic)) {
    expect(Object.keys(PUBLIC)).toContain(nameOf(route));
    expect((route.access as { public: string }).public.length, nameOf(route)).toBeGreaterThan(5);
  }
});

test('every other route refuses those who are not signed in', async () => {
  for (const route of routes.filter((each) => !isPublic(each))) {
    const path = route.path.replace(/:\w+(\{[^}]*\})?/g, 'unknown1');
    const answer = await server.browser().send(route.method, path);
    expect(answer, nameOf(route)).toMatchObject({ status: 401, body: { id: 'requires_authorization' } });
  }
});

// A path that bypasses the table would bypass the checks above.
test('the application answers nothing that is not in the table', () => {
  const known = new Set(routes.map(({ path }) => path));
  const registered = server.app.routes.filter(({ path, method }) => !(path === '/*' && method === 'ALL'));
  expect(registered.filter(({ path }) => !known.has(path))).toEqual([]);
});
