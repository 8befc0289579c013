import { createHash } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Browser, type IdentityServer, identityServer, PASSWORD } from '../support/identity.js';

let server: IdentityServer;
let owner: Browser;
let head: Browser;

beforeAll(async () => {
  server = await identityServer();
  head = await server.addHead();
  await head.send('POST', '/api/groups', { group_id: 'lab' });
  await head.send('PATCH', '/api/groups/lab', { permissions: { upload_file: true, create_sample: true } });
  await server.addUser('owner', { groups: ['lab'] });
  owner = await server.signIn('owner');
});
afterAll(() => server.dispose());
beforeEach(async () => {
  await server.db.collection('keys').deleteMany({});
  await server.deps.store.settings.update({ enable_api: true });
});

type NewKey = { id: string; key: string; permissions: Record<string, boolean> };

async function makeKey(browser: Browser, permissions: Record<string, boolean> = {}, name = 'Robot'): Promise<NewKey> {
  return (await browser.send('POST', '/api/account/keys', { name, permissions })).body;
}

const basic = (user: string, key: string) => ({
  Authorization: `Basic ${Buffer.from(`${user}:${key}`).toString('base64')}`,
});
const withKey = (user: string, key: string, path = '/api/account', method = 'GET', body?: unknown) =>
  server.browser().send(method, path, body, basic(user, key));

describe('keys of a user', () => {
  test('are made with what the owner may do, and show their secret once', async () => {
    const body = { name: ' Robot ', permissions: { upload_file: true, remove_job: true } };
    const made = await owner.send('POST', '/api/account/keys', body);
    expect(made.status).toBe(201);
    expect(made.headers.get('Location')).toBe('/api/account/keys/robot_0');
    expect(made.body).toMatchObject({ id: 'robot_0', name: 'Robot', groups: ['lab'] });
    expect(made.body.key).toMatch(/^[0-9a-f]{32}$/);
    expect(made.body.permissions).toMatchObject({ upload_file: true, create_sample: false, remove_job: false });

    const { key, ...shown } = made.body;
    expect((await owner.send('GET', '/api/account/keys/robot_0')).body).toEqual(shown);
    expect((await owner.send('GET', '/api/account/keys')).body).toEqual([shown]);
    const [stored] = await server.db.collection('keys').find().toArray();
    expect(stored?._id).toBe(createHash('sha256').update(key).digest('hex'));
    expect(JSON.stringify(stored)).not.toContain(key);
  });

  test('are numbered by name, for each user alone', async () => {
    await makeKey(owner);
    await makeKey(owner);
    expect((await makeKey(owner)).id).toBe('robot_2');
    await owner.send('DELETE', '/api/account/keys/robot_1');
    expect((await makeKey(owner)).id).toBe('robot_1');
    expect((await makeKey(head)).id).toBe('robot_0');
    const atOnce = await Promise.all(Array.from({ length: 6 }, () => makeKey(head)));
    expect(new Set(atOnce.map(({ id }) => id)).size).toBe(6);
  });

  test('can have a name with blanks, but none that breaks headers or paths', async () => {
    const made = await owner.send('POST', '/api/account/keys', { name: 'My Robot' });
    expect(made.headers.get('Location')).toBe('/api/account/keys/my%20robot_0');
    expect((await owner.send('GET', '/api/account/keys/my%20robot_0')).body.name).toBe('My Robot');
    for (const name of ['a\r\nSet-Cookie: b', 'a/b', ' ', 'x'.repeat(101)]) {
      expect((await owner.send('POST', '/api/account/keys', { name })).status).toBe(422);
    }
    expect((await owner.send('POST', '/api/account/keys')).body.errors).toEqual({ name: ['required field'] });
  });

  test('refuse permissions that do not exist or are neither true nor false', async () => {
    const errors = async (permissions: unknown) =>
      (await owner.send('POST', '/api/account/keys', { name: 'a', permissions })).body.errors;
    expect(await errors({ fly: true })).toEqual({ permissions: ['keys must be valid permissions'] });
    expect(await errors({ create_sample: 'yes' })).toEqual({
      permissions: [{ create_sample: ['must be of boolean type'] }],
    });
  });

  test('are changed within the rights of the owner, merged over what they had', async () => {
    const { id } = await makeKey(owner, { upload_file: true });
    const changed = await owner.send('PATCH', `/api/account/keys/${id}`, {
      permissions: { create_sample: true, create_ref: true },
    });
    expect(changed).toMatchObject({ status: 200, body: { id } });
    expect(changed.body.permissions).toMatchObject({ upload_file: true, create_sample: true, create_ref: false });
  });

  test("are nobody else's: not shown, not changed, not removed", async () => {
    const { id } = await makeKey(head, { remove_job: true });
    const path = `/api/account/keys/${id}`;
    expect((await owner.send('GET', path)).status).toBe(404);
    expect((await owner.send('PATCH', path, { permissions: { remove_job: false } })).status).toBe(404);
    expect((await owner.send('DELETE', path)).status).toBe(404);
    await makeKey(owner);
    expect((await owner.send('DELETE', '/api/account/keys')).status).toBe(204);
    const left = await head.send('GET', '/api/account/keys');
    expect(left.body).toHaveLength(1);
    expect(left.body[0].permissions.remove_job).toBe(true);
  });

  test('lose what the owner loses, and do not get it back by themselves', async () => {
    const { id, key } = await makeKey(owner, { upload_file: true, create_sample: true });
    await head.send('PATCH', '/api/groups/lab', { permissions: { create_sample: false } });
    const show = async () => (await owner.send('GET', `/api/account/keys/${id}`)).body.permissions;
    expect(await show()).toMatchObject({ upload_file: true, create_sample: false });
    await head.send('PATCH', '/api/groups/lab', { permissions: { create_sample: true } });
    expect(await show()).toMatchObject({ upload_file: true, create_sample: false });
    expect((await withKey('owner', key)).status).toBe(200);
  });

  test('of an administrator keep their permissions when the administrator is edited', async () => {
    await server.addUser('second', { administrator: true });
    const second = await server.signIn('second');
    const { id } = await makeKey(second, { remove_job: true });
    await head.send('PATCH', '/api/users/second', { groups: ['lab'] });
    expect((await second.send('GET', `/api/account/keys/${id}`)).body.permissions.remove_job).toBe(true);
    await head.send('PATCH', '/api/users/second', { administrator: false });
    expect((await second.send('GET', `/api/account/keys/${id}`)).body.permissions.remove_job).toBe(false);
  });
});

describe('a request with a key', () => {
  test('acts for its owner, without cookies', async () => {
    const { key } = await makeKey(owner, { upload_file: true });
    const answer = await withKey('owner', key);
    expect(answer).toMatchObject({ status: 200, body: { id: 'owner' } });
    expect(answer.cookies).toEqual({});
    const lower = basic('owner', key).Authorization.replace('Basic', 'basic');
    expect((await server.browser().send('GET', '/api/account', undefined, { Authorization: lower })).status).toBe(200);
  });

  test('is nobody while keys are switched off, and a cookie counts then', async () => {
    const { key } = await makeKey(owner);
    await server.deps.store.settings.update({ enable_api: false });
    expect((await withKey('owner', key)).status).toBe(401);
    expect((await head.send('GET', '/api/account', undefined, basic('owner', key))).body.id).toBe('head');
  });

  test('wins over a cookie while keys are switched on', async () => {
    const { key } = await makeKey(owner);
    expect((await head.send('GET', '/api/account', undefined, basic('owner', key))).body.id).toBe('owner');
  });

  test('is ignored outside /api and /upload', async () => {
    const { key } = await makeKey(owner);
    const login = { username: 'owner', password: PASSWORD };
    const answer = await server.browser().send('POST', '/api/account/login', login, basic('owner', key));
    expect(answer.status).toBe(201);
    expect((await withKey('owner', 'nonsense', '/health/live')).status).toBe(200);
  });

  test('never passes as administrator, whoever owns the key', async () => {
    const { key } = await makeKey(head, { remove_job: true });
    expect((await withKey('head', key, '/api/users/owner')).status).toBe(403);
    expect((await withKey('head', key, '/api/settings', 'PATCH', { enable_api: false })).status).toBe(403);
    const users = await withKey('head', key, '/api/users');
    expect(Object.keys(users.body.documents[0])).toEqual(['id', 'identicon']);
  });

  test('changes nothing of the account: neither keys nor password, e-mail address or settings', async () => {
    const { id, key } = await makeKey(owner, { upload_file: true });
    const before = await owner.send('GET', '/api/account');
    const changes: [string, string, unknown?][] = [
      ['POST', '/api/account/keys', { name: 'child' }],
      ['PATCH', `/api/account/keys/${id}`, { permissions: { upload_file: false } }],
      ['DELETE', `/api/account/keys/${id}`],
      ['DELETE', '/api/account/keys'],
      ['PATCH', '/api/account', { password: 'another-password', old_password: PASSWORD }],
      ['PATCH', '/api/account', { email: 'other@example.com' }],
      ['PATCH', '/api/account/settings', { show_ids: false }],
    ];
    for (const [method, path, body] of changes) {
      expect(await withKey('owner', key, path, method, body), `${method} ${path}`).toMatchObject({
        status: 403,
        body: { id: 'not_permitted', message: 'API keys cannot change the account. Sign in with the password' },
      });
    }
    expect((await owner.send('GET', '/api/account')).body).toEqual(before.body);
    expect((await withKey('owner', key)).status).toBe(200);
  });

  test('is refused when the header is malformed or the key is wrong', async () => {
    const { key } = await makeKey(owner);
    const send = (Authorization: string) => server.browser().send('GET', '/api/account', undefined, { Authorization });
    for (const malformed of ['Basic', 'Basic ***', `Bearer ${key}`, 'Basic a b', `Basic ${btoa('nocolon')}`]) {
      expect((await send(malformed)).body).toEqual({ id: 'bad_request', message: 'Malformed Authorization header' });
    }
    for (const [user, secret] of [
      ['owner', 'f'.repeat(32)],
      ['head', key],
      ['owner', `${key}:`],
    ] as const) {
      const answer = await withKey(user, secret);
      expect(answer).toMatchObject({ status: 400, body: { message: 'Invalid Authorization header' } });
    }
  });

  test('is slowed down after many wrong keys, while right keys go on', async () => {
    const { key } = await makeKey(owner);
    const wrong = { Authorization: basic('owner', 'wrong').Authorization };
    const guesser = server.browser('203.0.113.77');
    for (let tries = 0; tries < 10; tries += 1) await guesser.send('GET', '/api/account', undefined, wrong);
    expect((await guesser.send('GET', '/api/account', undefined, wrong)).status).toBe(429);
    expect((await guesser.send('GET', '/api/account', undefined, basic('owner', key))).status).toBe(200);
  });

  test('ends with the owner: removed, or told to choose a new password', async () => {
    await server.addUser('brief');
    const { key } = await makeKey(await server.signIn('brief'));
    await head.send('PATCH', '/api/users/brief', { force_reset: true });
    expect((await withKey('brief', key)).status).toBe(401);
    await head.send('DELETE', '/api/users/brief');
    expect((await withKey('brief', key)).status).toBe(400);
    expect(await server.db.collection('keys').countDocuments({ 'user.id': 'brief' })).toBe(0);
  });
});
