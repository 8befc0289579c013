import { once } from 'node:events';
import { connect } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { ApiDeps } from '../../src/api/deps.js';
import { ListenError, type RunningApi, type StartApiOptions, startApi } from '../../src/api/server.js';
import { type IdentityServer, identityServer, PASSWORD } from '../support/identity.js';
import { waitFor } from '../support/wait.js';

let server: IdentityServer;
const running: RunningApi[] = [];
beforeEach(async () => {
  server = await identityServer(['--host=localhost', '--port=0']);
});
afterEach(async () => {
  for (const api of running.splice(0)) await api.stop(0);
  await server.dispose();
});

async function start(changes: Partial<ApiDeps['config']> = {}, attach?: StartApiOptions['attach']) {
  const deps = { ...server.deps, config: { ...server.deps.config, ...changes } };
  const api = await startApi({ deps, ...(attach ? { attach } : {}) });
  running.push(api);
  return api;
}

function countingSockets() {
  const closings: Date[] = [];
  return { closings, attach: async () => ({ close: async () => void closings.push(new Date()) }) };
}

test('it takes a free port, prepares the database and answers', async () => {
  await server.db.dropDatabase();
  const api = await start();
  expect(api.url).toBe(`http://localhost:${api.port}`);
  expect((await fetch(`http://127.0.0.1:${api.port}/health/ready`)).status).toBe(200);
  expect(await server.db.collection('settings').countDocuments()).toBe(1);
  expect(await server.db.collection('status').countDocuments()).toBe(2);
  expect(await server.db.collection('sessions').indexExists('expiresAt_1')).toBe(true);
});

test('the address of the peer is that of the connection', async () => {
  const api = await start();
  await server.addUser('peer');
  const body = JSON.stringify({ username: 'peer', password: PASSWORD });
  await fetch(`${api.url}/api/account/login`, { method: 'POST', body });
  const [session] = await server.db.collection('sessions').find().toArray();
  expect(session?.ip).toBe('127.0.0.1');
  // Whoever comes from this host may be a proxy or not, and clients write what they like.
  const headers = { 'X-Forwarded-For': '10.1.1.1, 192.0.2.33' };
  await fetch(`${api.url}/api/account/login`, { method: 'POST', body, headers });
  expect(await server.db.collection('sessions').distinct('ip')).toEqual(['127.0.0.1']);
});

test.each([
  ['127.0.0.0/8', '10.1.1.1, 192.0.2.33', '192.0.2.33'],
  ['127.0.0.1,192.0.2.0/24', '10.1.1.1, 198.51.100.4, 192.0.2.33', '198.51.100.4'],
  ['127.0.0.1', '10.1.1.1, not an address', '127.0.0.1'],
  ['127.0.0.1', '2001:db8::7', '2001:db8::7'],
  ['10.0.0.0/8', '192.0.2.33', '127.0.0.1'],
])('behind the trusted proxies %s, X-Forwarded-For %s means %s', async (trusted, forwarded, address) => {
  const api = await start({ trusted_proxies: trusted });
  await server.addUser('peer');
  await server.db.collection('sessions').deleteMany({});
  const body = JSON.stringify({ username: 'peer', password: PASSWORD });
  await fetch(`${api.url}/api/account/login`, { method: 'POST', body, headers: { 'X-Forwarded-For': forwarded } });
  expect(await server.db.collection('sessions').distinct('ip')).toEqual([address]);
});

test.each([
  [undefined, 'https', false],
  ['127.0.0.1', 'https', true],
  ['127.0.0.1', 'http, https', true],
  ['127.0.0.1', 'https, http', false],
  ['10.0.0.0/8', 'https', false],
])(
  'with the trusted proxies %s, X-Forwarded-Proto %s marks cookies as secure: %s',
  async (trusted, forwarded, isSecure) => {
    const api = await start(trusted === undefined ? {} : { trusted_proxies: trusted });
    await server.addUser('peer');
    const body = JSON.stringify({ username: 'peer', password: PASSWORD });
    const headers = { 'X-Forwarded-Proto': forwarded };
    const answer = await fetch(`${api.url}/api/account/login`, { method: 'POST', body, headers });
    const secret = answer.headers.getSetCookie().filter((line) => line.startsWith('session_'));
    expect(secret).toHaveLength(2);
    expect(secret.map((line) => line.includes('; Secure'))).toEqual([isSecure, isSecure]);
  },
);

test('a port that is taken ends the start with what, where and what to do, and closes what was attached', async () => {
  const { port } = await start();
  const { attach, closings } = countingSockets();
  const failure = await start({ port }, attach).catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(ListenError);
  expect((failure as Error).message).toMatch(
    new RegExp(`^Port ${port} on localhost is taken by another program\\. .*ss -ltnp.*--port\\.$`),
  );
  expect(closings).toHaveLength(1);
  await expect(start({ host: '203.0.113.1' })).rejects.toThrow(/not an address of this machine.*--host/);
});

test('stopping lets a request end, closes sockets and takes no new connections', async () => {
  const { attach, closings } = countingSockets();
  const api = await start({}, attach);
  const body = JSON.stringify({ username: 'nobody', password: 'guess' });
  // The check of a password takes long enough to be in the middle of it.
  const request = fetch(`${api.url}/api/account/login`, { method: 'POST', body });
  await waitFor(() => server.db.collection('login_attempts').findOne({}), 'the request has begun');
  const stopping = api.stop();
  expect((await request).status).toBe(400);
  await stopping;
  expect(closings).toHaveLength(1);
  await expect(fetch(`${api.url}/health/live`)).rejects.toThrow();
});

test('stopping cuts off what does not end within the limit', async () => {
  const api = await start();
  const socket = connect(api.port, '127.0.0.1');
  await once(socket, 'connect');
  socket.write('POST /api/account/login HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n{');
  await waitFor(async () => {
    // An answer to a later request tells that the server has read the first one.
    return (await fetch(`${api.url}/health/live`)).ok;
  }, 'the server answers');
  const ended = once(socket, 'close');
  socket.on('error', () => undefined);
  await api.stop(100);
  await ended;
});
