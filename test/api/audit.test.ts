import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import type { AuditDocument } from '../../src/store/audit.js';
import { type Browser, type IdentityServer, identityServer, PASSWORD } from '../support/identity.js';
import { referenceOf } from '../support/references.js';

let server: IdentityServer;
let head: Browser;
beforeAll(async () => {
  server = await identityServer();
  head = await server.addHead();
  await server.addUser('bob');
});
afterAll(() => server.dispose());

/** The entries since the last call, in the order in which they were written. */
let seen = 0;
async function newEntries(): Promise<AuditDocument[]> {
  const all = await server.database.collection<AuditDocument>('audit').find().sort({ _id: 1 }).toArray();
  const fresh = all.slice(seen);
  seen = all.length;
  return fresh;
}

test('sign-ins, failed ones and sign-outs are written down, without the password', async () => {
  await newEntries();
  const bob = await server.signIn('bob', '198.51.100.7');
  await server
    .browser('198.51.100.8')
    .send('POST', '/api/account/login', { username: 'bob', password: 'wrong-password' });
  await bob.send('GET', '/api/account/logout');
  await server.browser().send('GET', '/api/account/logout');
  const entries = await newEntries();
  expect(entries).toMatchObject([
    { action: 'sign_in', outcome: 'done', user: 'bob', address: '198.51.100.7', status: 201 },
    { action: 'sign_in', outcome: 'refused', user: 'bob', address: '198.51.100.8', status: 400 },
    { action: 'sign_out', outcome: 'done', user: 'bob', address: '198.51.100.7' },
  ]);
  expect(JSON.stringify(entries)).not.toMatch(/wrong-password|walk-password/);
});

test('a wrong API key is a failed sign-in', async () => {
  await server.deps.store.settings.update({ enable_api: true });
  await newEntries();
  const Authorization = `Basic ${btoa(`bob:${'f'.repeat(32)}`)}`;
  expect((await server.browser().send('GET', '/api/account', undefined, { Authorization })).status).toBe(400);
  await server.deps.store.settings.update({ enable_api: false });
  const target = 'GET /api/account';
  expect(await newEntries()).toMatchObject([
    { action: 'sign_in', outcome: 'refused', user: 'bob', via: 'key', target },
  ]);
});

test('changes are written down before they are made and after it, with who, what and from where, without secrets', async () => {
  await newEntries();
  await head.send('PATCH', '/api/settings', { sample_unique_names: false });
  await head.send('POST', '/api/users', { user_id: 'new', password: 'secret-password' });
  await head.send('POST', '/api/groups', { group_id: 'lab' });
  await head.send('PATCH', '/api/users/new', { groups: ['lab'] });
  const made = await head.send('POST', '/api/account/keys', { name: 'robot', permissions: { create_ref: true } });
  await head.send('DELETE', '/api/account/keys/robot_0');
  await head.send('PATCH', '/api/account', { password: 'other-password', old_password: PASSWORD });
  const reference = referenceOf();
  await server.deps.store.references.insert(reference);
  await head.send('POST', `/api/refs/${reference._id}/users`, { user_id: 'new', build: true });
  await head.send('DELETE', `/api/refs/${reference._id}/users/unknown`);
  await head.send('DELETE', `/api/refs/${reference._id}`);
  const entries = await newEntries();
  const done = entries.filter(({ outcome }) => outcome !== 'asked');
  expect(done.map(({ action, target, outcome, status }) => [action, target, outcome, status])).toEqual([
    ['settings', 'PATCH /api/settings', 'done', 200],
    ['user', 'POST /api/users', 'done', 201],
    ['group', 'POST /api/groups', 'done', 201],
    ['user', 'PATCH /api/users/new', 'done', 200],
    ['key', 'POST /api/account/keys', 'done', 201],
    ['key', 'DELETE /api/account/keys/robot_0', 'done', 204],
    ['account', 'PATCH /api/account', 'done', 200],
    ['member', `POST /api/refs/${reference._id}/users`, 'done', 201],
    ['member', `DELETE /api/refs/${reference._id}/users/unknown`, 'refused', 404],
    ['deletion', `DELETE /api/refs/${reference._id}`, 'done', 202],
  ]);
  for (const { asked, number, user, via, address } of done) {
    expect({ user, via, address }).toEqual({ user: 'head', via: 'session', address: '192.0.2.1' });
    expect(entries.find((entry) => entry.number === asked)).toMatchObject({ outcome: 'asked', number: asked });
    expect(asked).toBeLessThan(number);
  }
  expect(entries.find(({ action }) => action === 'member')?.details).toMatchObject({ user_id: 'new', build: true });
  const text = JSON.stringify(entries);
  expect(text).not.toMatch(/secret-password|other-password|walk-password/);
  expect(text).not.toContain(made.body.key);
});

test('a request that nobody may send, or that only reads, leaves no entry', async () => {
  const bob = await server.signIn('bob');
  await newEntries();
  await bob.send('PATCH', '/api/settings', { enable_api: true });
  await bob.send('GET', '/api/account/keys');
  await server.browser().send('DELETE', '/api/groups/lab');
  expect(await newEntries()).toEqual([]);
});

// What is changed must have its entry, wherever the server is cut off.
test('what cannot be written down does not happen, and what fails is told as failed', async () => {
  const { store } = server.deps;
  await newEntries();
  const { append } = store.audit;
  store.audit.append = async () => {
    throw new Error('the log is full');
  };
  expect((await head.send('PATCH', '/api/settings', { minimum_password_length: 50 })).status).toBe(500);
  store.audit.append = append;
  expect((await store.settings.get()).minimum_password_length).toBe(8);
  expect(await newEntries()).toEqual([]);

  const { update } = store.settings;
  store.settings.update = async () => {
    throw new Error('cut off');
  };
  expect((await head.send('PATCH', '/api/settings', { minimum_password_length: 9 })).status).toBe(500);
  store.settings.update = update;
  expect((await newEntries()).map(({ outcome }) => outcome)).toEqual(['asked', 'failed']);
});

test('administrators list the entries with filters, page by page, and verify them; others see nothing', async () => {
  const bob = await server.signIn('bob');
  for (const path of ['/api/audit', '/api/audit/verification']) expect((await bob.send('GET', path)).status).toBe(403);
  const get = async (query: string) => (await head.send('GET', `/api/audit?${query}`)).body;
  const page = await get('action=sign_in&user=bob&outcome=refused&per_page=1');
  expect(page).toMatchObject({
    per_page: 1,
    page: 1,
    found_count: 2,
    documents: [{ user: 'bob', outcome: 'refused' }],
  });
  expect(page.documents[0]).toMatchObject({ id: expect.stringMatching(/^\d{12}$/), number: expect.any(Number) });
  expect((await get('from=2999-01-01')).documents).toEqual([]);
  expect((await get('to=2000-01-01T00:00:00Z')).documents).toEqual([]);
  expect(await get('action=magic&from=yesterday')).toEqual({
    id: 'invalid_query',
    message: 'Invalid query',
    errors: {
      action: ['unallowed value magic'],
      from: ['must be a date, as 2026-01-31 or 2026-01-31T12:00:00Z'],
    },
  });
  expect((await head.send('GET', '/api/audit/verification')).body).toMatchObject({
    ok: true,
    count: expect.any(Number),
  });
});

describe('virtool audit verify', () => {
  const main = fileURLToPath(new URL('../../dist/main.js', import.meta.url));
  const run = async (...more: string[]) => {
    const args = [
      main,
      'audit',
      'verify',
      `--db=${inject('mongoUrl')}`,
      `--db-name=${server.database.db.databaseName}`,
    ];
    return promisify(execFile)(process.execPath, [...args, ...more]).then(
      ({ stdout }) => ({ code: 0, text: stdout }),
      ({ code, stdout, stderr }) => ({ code, text: stdout + stderr }),
    );
  };

  test('tells whether the log holds, also against an entry that was noted', async () => {
    const { count, hash } = (await head.send('GET', '/api/audit/verification')).body;
    expect(await run()).toEqual({
      code: 0,
      text: `The audit log holds: ${count} entries, the last one with the hash ${hash}\n`,
    });
    expect((await run('--known', `${count}:${hash}`)).code).toBe(0);
    expect(await run(`--known=${count}:${'0'.repeat(64)}`)).toEqual({
      code: 1,
      text: `The audit log was changed. Entry ${count}: It is not the one that was noted. Those before it are sound.\n`,
    });
    expect((await run('--known', 'last')).text).toContain('--known must be the number and the hash of an entry');
    await server.database.collection<AuditDocument>('audit').updateOne({ number: 2 }, { $set: { user: 'nobody' } });
    expect(await run()).toEqual({
      code: 1,
      text: 'The audit log was changed. Entry 2: It is not as it was written. Those before it are sound.\n',
    });
  });
});
