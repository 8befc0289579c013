import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createRoutes } from '../../../src/api/app.js';
import type { Route } from '../../../src/api/http/route.js';
import { expectedOutcome, type Outcome, seesSample } from './expected.js';
import { type RightsServer, ROLES, type Role, SECRET, startRightsServer } from './fixture.js';
import { type Request, requestsOf } from './requests.js';

let server: RightsServer;
let routes: Route[];
beforeAll(async () => {
  server = await startRightsServer();
  routes = createRoutes(server.deps);
});
afterAll(() => server?.stop());

type Answer = { outcome: Outcome | 422; status: number; text: string };

async function ask({ method, path, body }: Request, role: Role): Promise<Answer> {
  const response = await fetch(`${server.url}${path}`, {
    method,
    headers: { ...server.headersOf(role), ...(body ? { 'Content-Type': 'application/json' } : {}) },
    redirect: 'manual',
    ...(body ? { body } : {}),
  });
  const text = await response.text();
  const { status } = response;
  if (status < 300 && changesThings({ method, path })) await server.restore(path);
  return { outcome: status === 401 || status === 403 || status === 422 ? status : 'answered', status, text };
}

// Signing out is a GET.
const changesThings = ({ method, path }: Pick<Request, 'method' | 'path'>) =>
  method !== 'GET' || path.endsWith('/logout');

const needsPermission = ({ access }: Route) => typeof access === 'object' && 'permission' in access;
const isPublic = ({ access }: Route) => typeof access === 'object' && 'public' in access;

test('every route that is not for everybody names its right, and every path leads to private documents', () => {
  for (const route of routes) {
    if (!isPublic(route)) expect(route.right, `${route.method} ${route.path}`).toBeDefined();
    expect(requestsOf(route).length).toBeGreaterThan(0);
  }
});

test('every route answers those whom the table lets and refuses all others, and what is answered tells them no more than they may read', async () => {
  const differences: string[] = [];
  const compare = async (route: Route, request: Request, role: Role): Promise<void> => {
    const expected = expectedOutcome(route, role, request.job);
    const { outcome, status, text } = await ask(request, role);
    const what = `${route.method} ${request.path} as ${role.name}`;
    if (outcome !== expected || status === 500) {
      differences.push(`${what}: ${status} instead of ${expected}: ${text.slice(0, 100)}`);
    }
    const mayRead = role.member || role.runsJobs || role.administrator || seesSample(role);
    if (!mayRead && text.toLowerCase().includes(SECRET)) differences.push(`${what}: tells ${text.slice(0, 300)}`);
  };
  for (const route of routes) {
    for (const request of requestsOf(route)) {
      const changes = (role: Role) =>
        changesThings(request) && expectedOutcome(route, role, request.job) === 'answered';
      await Promise.all(ROLES.filter((role) => !changes(role)).map((role) => compare(route, request, role)));
      // Where no permission is asked for, the keys that have one are asked to read only: putting everything back takes time.
      const isAsked = ({ key }: Role) => key?.length !== 1 || needsPermission(route);
      for (const role of ROLES.filter(changes).filter(isAsked)) await compare(route, request, role);
    }
  }
  expect(differences).toEqual([]);
}, 300_000);

describe('a list across samples or references', () => {
  const nameOf = (name: string): Role => ROLES.find((role) => role.name === name) as Role;
  const seen = async (path: string) => {
    const found: string[] = [];
    for (const role of ROLES.filter(({ userId }) => userId)) {
      const { text } = await ask({ method: 'GET', path, job: 'sample' }, role);
      if (text.includes(SECRET)) found.push(role.name);
    }
    return found;
  };
  const members = ROLES.filter(({ member, administrator }) => member ?? administrator).map(({ name }) => name);
  const readers = ROLES.filter(seesSample).map(({ name }) => name);
  const workers = ROLES.filter(({ runsJobs }) => runsJobs).map(({ name }) => name);
  const inOrder = (...lists: string[][]) => ROLES.map(({ name }) => name).filter((name) => lists.flat().includes(name));

  test.each([
    '/api/refs',
    '/api/otus',
    '/api/otus?names=true',
    '/api/otus?find=zz',
    '/api/history',
    '/api/indexes',
    '/api/indexes?ready=true',
  ])('%s shows what is private to members alone', async (path) => {
    expect(await seen(path)).toEqual(members);
  });

  test('of samples shows them to their readers alone', async () => {
    expect(await seen('/api/samples')).toEqual(readers);
    expect(await seen('/api/subtractions/Host')).toEqual(readers);
  });

  test('of jobs shows them to those who may read their sample or reference, and to whom they run for', async () => {
    expect(await seen('/api/jobs')).toEqual(inOrder(members, readers, workers));
    const ids = async (role: string) =>
      JSON.parse((await ask({ method: 'GET', path: '/api/jobs', job: 'sample' }, nameOf(role))).text).documents.map(
        ({ id }: { id: string }) => id,
      );
    expect(await ids('member by user, none')).toEqual([`${SECRET}build`]);
    expect(await ids('member by group, none')).toEqual([`${SECRET}build`, `${SECRET}job`]);
  });

  test('of processes shows them to members and to whom they run for', async () => {
    expect(await seen('/api/processes')).toEqual(inOrder(members, workers));
  });

  test('of files shows no one that is taken', async () => {
    expect(await seen('/api/files')).toEqual([]);
  });
});
