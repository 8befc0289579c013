import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Hono } from 'hono';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { errorHandler, requestLog, standardHeaders } from '../../src/api/http/middleware.js';
import { notFound } from '../../src/api/http/refusals.js';
import { registerRoutes } from '../../src/api/http/register.js';
import { type Env, publicRoute } from '../../src/api/http/route.js';
import { notFoundPages } from '../../src/api/pages/not_found.js';
import { createPageRoutes } from '../../src/api/pages/routes.js';
import type { Config } from '../../src/config.js';
import { testFolder } from '../support/folders.js';
import { type Browser, type IdentityServer, identityServer } from '../support/identity.js';

const BROWSER_ACCEPT = 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8';

let server: IdentityServer;
let head: Browser;
beforeAll(async () => {
  server = await identityServer();
  head = await server.addHead();
});
afterAll(() => server.dispose());

const send = (method: string, path: string, headers: Record<string, string> = {}) =>
  server.browser().send(method, path, undefined, headers);

describe('unknown paths', () => {
  test('are 404 before anybody is asked to sign in: JSON for programs, a page elsewhere', async () => {
    for (const path of ['/api/nothing', '/api/', '/api/users/', '/upload/nothing/at/all', '/health/nothing']) {
      const answer = await send('GET', path);
      expect(answer, path).toMatchObject({ status: 404, body: { id: 'not_found', message: 'Not found' } });
    }
    const page = await send('GET', '/nothing', { Accept: 'application/json' });
    expect(page.status).toBe(404);
    expect(page.headers.get('Content-Type')).toBe('text/html; charset=utf-8');
    expect(page.body).toContain('404 Not found');
  });

  test('of uploads and downloads are pages for browsers and JSON for all others, also when a handler says 404', async () => {
    const app = new Hono<Env>();
    app.use(requestLog(pino({ level: 'silent' })), standardHeaders('v1'), notFoundPages());
    app.onError(errorHandler());
    const download = publicRoute({
      method: 'GET',
      path: '/download/:id',
      access: { public: 'test' },
      tag: 'test',
      summary: 'test',
      description: 'test',
      answers: { 404: 'always' },
      handle: async () => notFound('No such download'),
    });
    registerRoutes(app, [download], { authenticate: async () => undefined, audit: server.deps.store.audit });
    const browser = await app.request('/download/x', { headers: { Accept: BROWSER_ACCEPT } });
    expect(browser.status).toBe(404);
    expect(browser.headers.get('Content-Type')).toBe('text/html; charset=utf-8');
    expect(browser.headers.get('X-Virtool-Version')).toBe('v1');
    for (const accept of ['application/json', '*/*', 'application/json;q=1, text/html;q=0.5', undefined]) {
      const script = await app.request('/download/x', { headers: accept ? { Accept: accept } : {} });
      expect(await script.json()).toEqual({ id: 'not_found', message: 'No such download' });
    }
  });
});

describe('requests that make no sense', () => {
  test('another method of a known path is 405 and names the right ones', async () => {
    const answer = await send('DELETE', '/api/account');
    expect(answer).toMatchObject({ status: 405, body: { id: 'method_not_allowed' } });
    expect(answer.headers.get('Allow')).toBe('GET, HEAD, PATCH');
    expect((await send('PATCH', '/api/users/first')).status).not.toBe(404);
  });

  test('HEAD answers like GET without a body', async () => {
    const answer = await send('HEAD', '/health/live');
    expect(answer).toMatchObject({ status: 200, body: '' });
    expect((await head.send('HEAD', '/api/account')).status).toBe(200);
  });

  test('a body is refused when it is broken, no object or too large', async () => {
    const post = (body: unknown, headers = {}) => head.send('POST', '/api/groups', body, headers);
    expect(await post('{not json')).toMatchObject({ status: 400, body: { id: 'bad_request' } });
    expect(await post('[1]')).toMatchObject({ status: 422, body: { errors: { body: ['must be of dict type'] } } });
    expect(await post({ group_id: 'x'.repeat(1_100_000) })).toMatchObject({ status: 413, body: { id: 'too_large' } });
    expect(await post('')).toMatchObject({ status: 422, body: { errors: { group_id: ['required field'] } } });
    expect(await post('{"group_id": "typed"}', { 'Content-Type': 'text/plain' })).toMatchObject({ status: 201 });
  });

  test('who may not is told before the body is looked at', async () => {
    expect((await server.browser().send('POST', '/api/groups', '{not json')).status).toBe(401);
    await server.addUser('plain');
    const plain = await server.signIn('plain');
    expect((await plain.send('POST', '/api/groups', '{not json')).status).toBe(403);
  });

  test("a write from another site's page is refused, whatever cookies come with it", async () => {
    for (const Origin of ['https://evil.example', 'null', 'http://localhost.evil.example']) {
      const headers = { Origin, Host: 'localhost' };
      const answer = await head.send('POST', '/api/groups', { group_id: 'forged' }, headers);
      expect(answer).toMatchObject({ status: 403, body: { id: 'foreign_origin' } });
    }
    const own = { Origin: 'http://localhost', Host: 'localhost' };
    expect((await head.send('POST', '/api/groups', { group_id: 'own' }, own)).status).toBe(201);
  });
});

describe('every answer', () => {
  test('carries version, policy, protection headers and a request id, refusals and faults too', async () => {
    const nonces = new Set<string>();
    for (const path of ['/', '/nothing', '/api/nothing', '/api/account', '/health/live', '/api/account/keys/x']) {
      const { headers } = await send('GET', path);
      expect(headers.get('X-Virtool-Version'), path).toBe('v9.8.7');
      expect(headers.get('X-Content-Type-Options')).toBe('nosniff');
      expect(headers.get('Referrer-Policy')).toBe('same-origin');
      const policy = headers.get('Content-Security-Policy') ?? '';
      expect(policy).toContain("frame-ancestors 'none'");
      expect(policy).not.toMatch(/https?:|\.com/);
      nonces.add(/'nonce-([0-9a-f]{40})'/.exec(policy)?.[1] ?? '');
      expect(headers.get('X-Request-Id')).toMatch(/^[0-9a-f-]{36}$/);
    }
    expect(nonces.size).toBe(6);
  });

  test('keeps the request id of the caller when it is a harmless one', async () => {
    const given = await send('GET', '/health/live', { 'X-Request-Id': 'trace-1' });
    expect(given.headers.get('X-Request-Id')).toBe('trace-1');
    const strange = await send('GET', '/health/live', { 'X-Request-Id': 'a b"c' });
    expect(strange.headers.get('X-Request-Id')).not.toBe('a b"c');
  });

  test('to a fault is JSON with the id for the log, and nothing of the fault itself', async () => {
    const broken = await identityServer();
    broken.deps.store.users.rights = async () => {
      throw new Error('secret detail');
    };
    await broken.addUser('any');
    const browser = await broken.signIn('any');
    const answer = await browser.send('GET', '/api/account');
    expect(answer).toMatchObject({ status: 500, body: { id: 'internal_error' } });
    expect(answer.body.message).toContain(answer.headers.get('X-Request-Id') ?? 'no id');
    expect(JSON.stringify(answer.body)).not.toContain('secret');
    await broken.dispose();
  });

  test('keeps the renewed cookies, also when the request is refused', async () => {
    await server.addUser('renewed');
    const browser = await server.signIn('renewed');
    const soon = new Date(Date.now() + 60_000);
    await server.db.collection('sessions').updateMany({ 'user.id': 'renewed' }, { $set: { expiresAt: soon } });
    const refused = await browser.send('PATCH', '/api/account', { email: 5 });
    expect(refused.status).toBe(422);
    expect(Object.keys(refused.cookies)).toEqual(['session_id', 'session_token']);
  });
});

describe('pages', () => {
  test('tell what the server is and where its documentation is, as long as no client is installed', async () => {
    for (const path of ['/', '/samples', '/refs/abc/otus', '/account/settings']) {
      const page = await send('GET', path);
      expect(page.status).toBe(200);
      expect(page.headers.get('Content-Type')).toBe('text/html; charset=utf-8');
      expect(page.body).toContain('href="/api/docs"');
      expect(page.body).toContain('v9.8.7');
    }
  });

  // A pattern that is not anchored would give the page, and with it 200, for other parts of the interface.
  test('are only at the beginning of a path', async () => {
    for (const path of [
      '/nothing/samples',
      '/nothing/otus/x',
      '/samplesx',
      '/api/nothing/refs/x',
      '/download/x/otus',
    ]) {
      expect((await head.send('GET', path)).status, path).toBe(404);
    }
  });

  test('are those of the client when it is installed, with its tokens replaced', async () => {
    const folder = testFolder();
    mkdirSync(join(folder, 'js'));
    writeFileSync(join(folder, 'js', 'app.js'), 'run();');
    writeFileSync(
      join(folder, 'index.html'),
      '{v: "VERSION", d: "DEV", f: "FIRST", l: "LOGIN", n: "NONCE", m: "NONCE"}',
    );
    const app = new Hono<Env>();
    app.use(standardHeaders('v9.8.7'));
    registerRoutes(app, createPageRoutes(server.deps, folder), {
      authenticate: async () => undefined,
      audit: server.deps.store.audit,
    });

    const anonymous = await app.request('/samples/abc');
    const nonce = /'nonce-(\w+)'/.exec(anonymous.headers.get('Content-Security-Policy') ?? '')?.[1];
    expect(await anonymous.text()).toBe(`{v: "v9.8.7", d: false, f: false, l: true, n: "${nonce}", m: "${nonce}"}`);
    const Cookie = [...head.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    expect(await (await app.request('/', { headers: { Cookie } })).text()).toContain('l: false');

    const script = await app.request('/static/js/app.js');
    expect(await script.text()).toBe('run();');
    expect(script.headers.get('Content-Type')).toMatch(/javascript/);
    for (const path of [
      '/static/nothing.js',
      '/static/../index.html',
      '/static/..%2f..%2fetc%2fpasswd',
      '/static/js',
    ]) {
      expect((await app.request(path)).status, path).toBe(404);
    }
  });

  test('of the client may load its icons from their host, or have them from a local folder', async () => {
    const folder = testFolder();
    const link = '<link href="https://use.fontawesome.com/releases/v5.8.2/css/all.css">';
    writeFileSync(join(folder, 'index.html'), link);
    const icons = join(testFolder(), 'icons');
    mkdirSync(join(icons, 'releases/v5.8.2/css'), { recursive: true });
    writeFileSync(join(icons, 'releases/v5.8.2/css/all.css'), '.fa {}');
    const serve = (config: Partial<Config>) => {
      const app = new Hono<Env>();
      app.use(standardHeaders('v9.8.7'));
      const deps = { ...server.deps, config: { ...server.deps.config, ...config } };
      registerRoutes(app, createPageRoutes(deps, folder), {
        authenticate: async () => undefined,
        audit: deps.store.audit,
      });
      return app;
    };
    const policyOf = (answer: Response) => answer.headers.get('Content-Security-Policy') ?? '';

    const outside = await serve({}).request('/');
    expect(await outside.text()).toBe(link);
    expect(policyOf(outside)).toContain("font-src 'self' data: https://use.fontawesome.com;");
    expect(policyOf(outside)).toContain("style-src 'self' 'unsafe-inline' https://use.fontawesome.com;");
    expect(policyOf(outside).match(/https?:/g)).toHaveLength(2);
    expect(policyOf(await serve({}).request('/static/nothing.js'))).not.toMatch(/https?:/);

    const local = serve({ icons_path: icons });
    const page = await local.request('/');
    expect(await page.text()).toBe('<link href="/icons/releases/v5.8.2/css/all.css">');
    expect(policyOf(page)).not.toMatch(/https?:/);
    const style = await local.request('/icons/releases/v5.8.2/css/all.css');
    expect(await style.text()).toBe('.fa {}');
    for (const path of ['/icons/nothing.css', '/icons/..%2f..%2fetc%2fpasswd', '/icons/../index.html']) {
      expect((await local.request(path)).status, path).toBe(404);
    }
    expect((await serve({}).request('/icons/releases/v5.8.2/css/all.css')).status).toBe(404);
  });

  test('are not served with --no-client', async () => {
    const bare = await identityServer(['--no-client']);
    expect((await bare.browser().send('GET', '/')).status).toBe(404);
    expect((await bare.browser().send('GET', '/samples')).status).toBe(404);
    await bare.dispose();
  });
});
