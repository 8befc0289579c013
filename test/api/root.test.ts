import { cpus, totalmem } from 'node:os';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createResourceMeter, percentBusy } from '../../src/api/root/resources.js';
import { serverVersion } from '../../src/api/version.js';
import { type Browser, type IdentityServer, identityServer } from '../support/identity.js';

let server: IdentityServer;
let plain: Browser;
beforeAll(async () => {
  server = await identityServer();
  await server.addUser('plain');
  plain = await server.signIn('plain');
});
afterAll(() => server.dispose());

describe('the interface itself', () => {
  test('lists its parts with paths that exist, and the version', async () => {
    const { body } = await plain.send('GET', '/api');
    expect(body.version).toBe('v9.8.7');
    expect(body.endpoints.groups).toEqual({
      url: '/api/groups',
      doc: 'https://www.virtool.ca/docs/api/groups.html',
    });
    for (const part of ['account', 'groups', 'settings', 'users']) {
      expect((await plain.send('GET', body.endpoints[part].url)).status).toBe(200);
    }
    expect((await server.browser().send('GET', '/api')).status).toBe(401);
  });

  test('shows the load of each core and the memory in bytes', async () => {
    const { body } = await plain.send('GET', '/api/resources');
    expect(body.proc).toHaveLength(cpus().length);
    for (const percent of body.proc) expect(percent >= 0 && percent <= 100).toBe(true);
    expect(body.mem.total).toBe(totalmem());
    expect(body.mem.available).toBeGreaterThan(0);
    expect(body.mem.available).toBeLessThanOrEqual(body.mem.total);
  });

  test('the load is that since the previous look, and stays when no time has passed', () => {
    expect(percentBusy({ busy: 100, total: 1_000 }, { busy: 150, total: 1_200 })).toBe(25);
    expect(percentBusy({ busy: 100, total: 1_000 }, { busy: 100, total: 1_000 })).toBeUndefined();
    const measure = createResourceMeter();
    expect(measure().proc.every(Number.isFinite)).toBe(true);
    expect(measure().proc.every(Number.isFinite)).toBe(true);
  });

  test('the version is the configured one, else that of the package', () => {
    expect(serverVersion({ force_version: 'v3.7.3' })).toBe('v3.7.3');
    expect(serverVersion({ force_version: undefined })).toMatch(/^v\d+\.\d+\.\d+/);
  });
});

describe('releases', () => {
  test('are shown from the database; installing one is left to the deployment', async () => {
    await server.deps.store.status.ensure('v9.8.7');
    const { body } = await plain.send('GET', '/api/software');
    expect(body).toEqual({
      id: 'software',
      version: 'v9.8.7',
      installed: null,
      process: null,
      releases: [],
      updating: false,
      errors: [],
    });
    expect((await plain.send('GET', '/api/software/updates')).body).toEqual([]);
    expect((await plain.send('POST', '/api/software/updates')).status).toBe(403);
    await server.addUser('head', { administrator: true });
    const refused = await (await server.signIn('head')).send('POST', '/api/software/updates');
    expect(refused).toMatchObject({ status: 409, body: { message: 'Updates are installed by the deployment' } });
  });
});

describe('health', () => {
  test('live asks nothing, ready asks MongoDB and Temporal and names what is missing', async () => {
    const anybody = server.browser();
    expect(await anybody.send('GET', '/health/live')).toMatchObject({ status: 200, body: { status: 'ok' } });
    const checks = { mongodb: 'ok', temporal: 'ok' };
    expect(await anybody.send('GET', '/health/ready')).toMatchObject({ status: 200, body: { status: 'ok', checks } });
    server.reachable.temporal = false;
    const missing = await anybody.send('GET', '/health/ready');
    server.reachable.temporal = true;
    expect(missing.status).toBe(503);
    expect(missing.body).toEqual({
      id: 'unavailable',
      message: 'Not reachable: Temporal',
      checks: { mongodb: 'ok', temporal: 'unreachable' },
    });
    expect(missing.headers.get('Retry-After')).toBe('5');
  });

  test('ready says so when the database is gone, and tells no address', async () => {
    const lonely = await identityServer();
    await lonely.database.close();
    const answer = await lonely.browser().send('GET', '/health/ready');
    expect(answer).toMatchObject({ status: 503, body: { checks: { mongodb: 'unreachable', temporal: 'ok' } } });
    expect(JSON.stringify(answer.body)).not.toContain('127.0.0.1');
    expect((await lonely.browser().send('GET', '/health/live')).status).toBe(200);
    await lonely.dispose();
  });
});

describe('documentation', () => {
  test('describes every route for programs', async () => {
    const { body } = await server.browser().send('GET', '/api/openapi.json');
    expect(body.openapi).toBe('3.1.0');
    expect(body.info.version).toBe('v9.8.7');
    const login = body.paths['/api/account/login'].post;
    expect(login.security).toEqual([]);
    expect(login.requestBody.content['application/json'].schema.required).toEqual(['username', 'password']);
    expect(body.paths['/api/account/keys/{key_id}'].patch.parameters[0]).toMatchObject({ name: 'key_id', in: 'path' });
    expect(Object.keys(body.paths['/api/users'].post.responses)).toEqual(['201', '400', '401', '403', '413', '422']);
    expect(Object.keys(body.paths)).not.toContain('/static/*');
  });

  test('has a page of ours that loads only files of ours', async () => {
    const page = await server.browser().send('GET', '/api/docs');
    expect(page.status).toBe(200);
    expect(page.headers.get('Content-Type')).toBe('text/html; charset=utf-8');
    const sources = [...page.body.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, source]) => source);
    expect(sources).toHaveLength(3);
    for (const source of sources) {
      expect(source).toMatch(/^\/api\/docs\/assets\//);
      expect((await server.browser().send('GET', source)).status).toBe(200);
    }
    const nonce = /nonce="([0-9a-f]{40})"/.exec(page.body)?.[1];
    expect(page.headers.get('Content-Security-Policy')).toContain(`'nonce-${nonce}'`);
    expect(page.body).not.toMatch(/https?:/);
  });

  test('gives no other files', async () => {
    for (const file of ['package.json', 'index.html', '..%2Fpackage.json', '%2e%2e%2fpackage.json', 'toString']) {
      expect((await server.browser().send('GET', `/api/docs/assets/${file}`)).status).toBe(404);
    }
  });
});
