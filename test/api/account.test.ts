import { createHash } from 'node:crypto';
import bcrypt from 'bcrypt';
import { Binary } from 'mongodb';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createSocketIdentity } from '../../src/api/account/authentication.js';
import { type IdentityServer, identityServer, PASSWORD } from '../support/identity.js';

const NO_PERMISSIONS = {
  cancel_job: false,
  create_ref: false,
  create_sample: false,
  modify_hmm: false,
  modify_subtraction: false,
  remove_file: false,
  remove_job: false,
  upload_file: false,
};
const MINUTE_MS = 60_000;

let server: IdentityServer;
beforeAll(async () => {
  server = await identityServer();
});
afterAll(() => server.dispose());

const login = (username: string, password: string, address?: string, remember?: boolean) =>
  server.browser(address).send('POST', '/api/account/login', { username, password, remember });

const sessionsOf = (userId: string) => server.db.collection('sessions').find({ 'user.id': userId }).toArray();

describe('sign in', () => {
  test('gives both cookies, which scripts and other sites do not get and which live as long as the session', async () => {
    await server.addUser('cookie');
    const short = await login('cookie', PASSWORD);
    expect(short).toMatchObject({ status: 201, body: { reset: false } });
    for (const name of ['session_id', 'session_token']) {
      expect(short.cookies[name]).toMatch(/^session_\w+=[0-9a-f]{64}; Max-Age=3600; Path=\/; HttpOnly; SameSite=Lax$/);
    }
    const long = await login('cookie', PASSWORD, undefined, true);
    expect(long.cookies.session_id).toContain('Max-Age=2592000');
  });

  test('keeps only a hash of the token', async () => {
    await server.addUser('hashed');
    const browser = await server.signIn('hashed');
    const [session] = await sessionsOf('hashed');
    const token = browser.cookies.get('session_token') ?? '';
    expect(session?.token).toBe(createHash('sha256').update(token).digest('hex'));
    expect(session?._id).toBe(browser.cookies.get('session_id'));
  });

  test('says the same for an unknown user, a wrong password and a name in other case', async () => {
    await server.addUser('Known');
    for (const [name, password] of [
      ['unknown', PASSWORD],
      ['Known', 'wrong'],
      ['known', PASSWORD],
      ['Known', `${PASSWORD}\0`],
      ['Known', 'x'.repeat(100)],
    ] as const) {
      const answer = await login(name, password);
      expect(answer).toMatchObject({
        status: 400,
        body: { id: 'bad_request', message: 'Invalid username or password' },
      });
      expect(answer.cookies).toEqual({});
    }
  });

  test('refuses a body that is not as described, field by field', async () => {
    const answer = await server
      .browser()
      .send('POST', '/api/account/login', { username: 1, password: ['x'], remember: 'yes' });
    expect(answer.status).toBe(422);
    expect(answer.body).toEqual({
      id: 'invalid_input',
      message: 'Invalid input',
      errors: {
        username: ['must be of string type'],
        password: ['must be of string type'],
        remember: ['must be of boolean type'],
      },
    });
  });

  test('takes a hash of release 3.7.3 and the older salted SHA-512', async () => {
    await server.addUser('binary');
    await server.addUser('salted');
    const users = server.db.collection<{ _id: string }>('users');
    const hash = await bcrypt.hash('bicycle-bell', 4);
    await users.updateOne({ _id: 'binary' }, { $set: { password: new Binary(Buffer.from(hash)) } });
    const legacy = createHash('sha512').update('pepperbicycle-bell').digest('hex');
    await users.updateOne({ _id: 'salted' }, { $set: { salt: 'pepper', password: legacy } });
    for (const name of ['binary', 'salted']) {
      expect((await login(name, 'bicycle-bell')).status).toBe(201);
      expect((await login(name, 'bicycle-bells')).status).toBe(400);
    }
  });

  test('replaces the session that the browser had', async () => {
    await server.addUser('again');
    const browser = await server.signIn('again');
    await browser.send('POST', '/api/account/login', { username: 'again', password: PASSWORD });
    expect(await sessionsOf('again')).toHaveLength(1);
    expect((await browser.send('GET', '/api/account')).status).toBe(200);
  });

  test('leaves no session behind when the password was changed in the meantime', async () => {
    await server.addUser('overtaken');
    const { store } = server.deps;
    const open = store.sessions.open;
    store.sessions.open = async (user) => {
      await store.users.update('overtaken', { passwordHash: await bcrypt.hash('other-password', 4) });
      await store.sessions.closeAllOf('overtaken');
      return open(user);
    };
    const answer = await login('overtaken', PASSWORD);
    store.sessions.open = open;
    expect(answer).toMatchObject({ status: 400, cookies: {} });
    expect(await sessionsOf('overtaken')).toEqual([]);
  });

  // Knowing the id of another's session must not be enough to end it.
  test('leaves a session alone whose token the browser does not have', async () => {
    await server.addUser('victim');
    const victim = await server.signIn('victim');
    const thief = server.browser();
    thief.cookies.set('session_id', victim.cookies.get('session_id') ?? '');
    thief.cookies.set('session_token', '0'.repeat(64));
    expect((await thief.send('GET', '/api/account')).status).toBe(401);
    await thief.send('GET', '/api/account/logout');
    expect((await victim.send('GET', '/api/account')).status).toBe(200);
  });
});

describe('throttle', () => {
  test('stops guessing of one account from one address, and never the owner at another one', async () => {
    await server.addUser('target');
    for (let tries = 0; tries < 10; tries += 1)
      expect((await login('target', 'guess', '203.0.113.9')).status).toBe(400);
    const stopped = await login('target', 'guess', '203.0.113.9');
    expect(stopped).toMatchObject({ status: 429, body: { id: 'too_many_requests' } });
    expect(Number(stopped.headers.get('Retry-After'))).toBeGreaterThan(0);
    // Not even the right password helps the guesser, or guessing would go on.
    expect((await login('target', PASSWORD, '203.0.113.9')).status).toBe(429);
    expect((await login('target', PASSWORD, '198.51.100.7')).status).toBe(201);
    await server.addUser('neighbour');
    expect((await login('neighbour', PASSWORD, '203.0.113.9')).status).toBe(201);
  });

  test('counts tries that come at once', async () => {
    await server.addUser('burst');
    const answers = await Promise.all(Array.from({ length: 16 }, () => login('burst', 'guess', '203.0.113.10')));
    expect(answers.filter(({ status }) => status === 400)).toHaveLength(10);
    expect(answers.filter(({ status }) => status === 429)).toHaveLength(6);
  });

  test('forgets wrong tries after the right password and after a while', async () => {
    await server.addUser('clumsy');
    const attempts = server.db.collection('login_attempts');
    for (let round = 0; round < 3; round += 1) {
      for (let tries = 0; tries < 9; tries += 1) await login('clumsy', 'guess', '203.0.113.11');
      expect((await login('clumsy', PASSWORD, '203.0.113.11')).status).toBe(201);
    }
    for (let tries = 0; tries < 11; tries += 1) await login('clumsy', 'guess', '203.0.113.11');
    expect((await login('clumsy', PASSWORD, '203.0.113.11')).status).toBe(429);
    await attempts.updateMany({}, { $set: { expiresAt: new Date(Date.now() - 1) } });
    expect((await login('clumsy', PASSWORD, '203.0.113.11')).status).toBe(201);
  });

  test('stops guessing of many accounts from one network, while right passwords do not count', async () => {
    const names = Array.from({ length: 11 }, (_, number) => `many${number}`);
    for (const name of names) await server.addUser(name);
    for (const name of names) expect((await login(name, PASSWORD, '203.0.113.20')).status).toBe(201);
    const guesses = names.flatMap((name) => Array.from({ length: 10 }, () => name));
    const statuses: number[] = [];
    for (const name of guesses) statuses.push((await login(name, 'guess', '203.0.113.20')).status);
    expect(statuses).toEqual([...Array<number>(100).fill(400), ...Array<number>(10).fill(429)]);
    expect((await login('many0', PASSWORD, '203.0.113.21')).status).toBe(201);
  });

  // A check of a password takes a quarter of a second, and only two go on at once.
  test('lets everybody else sign in while one client asks as fast as it can', async () => {
    const names = Array.from({ length: 9 }, (_, number) => `calm${number}`);
    for (const name of names) await server.addUser(name);
    let isOver = false;
    const loops = Array.from({ length: 130 }, async (_, number) => {
      while (!isOver) {
        await login(`nobody${number}`, 'guess', '203.0.113.30');
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    });
    const answers = await Promise.all(names.map((name, number) => login(name, PASSWORD, `198.51.100.${30 + number}`)));
    isOver = true;
    await Promise.all(loops);
    expect(answers.map(({ status }) => status)).toEqual(names.map(() => 201));
  }, 60_000);

  test('also covers the old password of a password change', async () => {
    await server.addUser('hijacked');
    const browser = await server.signIn('hijacked', '203.0.113.12');
    const body = { old_password: 'guess', password: 'new-password' };
    for (let tries = 0; tries < 10; tries += 1) {
      expect((await browser.send('PATCH', '/api/account', body)).body.message).toBe('Invalid credentials');
    }
    expect((await browser.send('PATCH', '/api/account', body)).status).toBe(429);
  });
});

describe('session', () => {
  test('is over when its time is, even if the database still has it', async () => {
    await server.addUser('expired');
    const browser = await server.signIn('expired');
    const past = new Date(Date.now() - 1);
    await server.db.collection('sessions').updateMany({ 'user.id': 'expired' }, { $set: { expiresAt: past } });
    expect((await browser.send('GET', '/api/account')).status).toBe(401);
  });

  test('gets its full life again once half of it is over, and the cookies with it', async () => {
    await server.addUser('slider');
    const browser = await server.signIn('slider');
    expect((await browser.send('GET', '/api/account')).cookies).toEqual({});
    const soon = new Date(Date.now() + 29 * MINUTE_MS);
    await server.db.collection('sessions').updateMany({ 'user.id': 'slider' }, { $set: { expiresAt: soon } });
    const renewed = await browser.send('GET', '/api/account');
    expect(renewed.cookies.session_token).toContain('Max-Age=3600');
    const [session] = await sessionsOf('slider');
    expect(session?.expiresAt.getTime()).toBeGreaterThan(Date.now() + 59 * MINUTE_MS);
  });

  test('needs its token, also when the stored session has none', async () => {
    await server.addUser('tokenless');
    const browser = await server.signIn('tokenless');
    await server.db.collection('sessions').updateMany({ 'user.id': 'tokenless' }, { $unset: { token: '' } });
    expect((await browser.send('GET', '/api/account')).status).toBe(401);
    browser.cookies.delete('session_token');
    expect((await browser.send('GET', '/api/account')).status).toBe(401);
  });

  test('ends at logout, for the browser and in the database', async () => {
    await server.addUser('leaver');
    const browser = await server.signIn('leaver');
    const copy = server.browser();
    for (const [name, value] of browser.cookies) copy.cookies.set(name, value);
    const answer = await browser.send('GET', '/api/account/logout');
    expect(answer).toMatchObject({ status: 200, body: '' });
    expect([...browser.cookies.keys()]).toEqual(['browser_id']);
    expect((await copy.send('GET', '/api/account')).status).toBe(401);
    expect((await server.browser().send('GET', '/api/account/logout')).status).toBe(200);
  });

  test('opens in a browser that keeps its name, which gives no right by itself', async () => {
    await server.addUser('named');
    const browser = await server.signIn('named');
    const name = browser.cookies.get('browser_id');
    expect(name).toMatch(/^[0-9a-f]{64}$/);
    await browser.send('GET', '/api/account/logout');
    expect((await browser.send('GET', '/api/account')).status).toBe(401);
    await browser.send('POST', '/api/account/login', { username: 'named', password: PASSWORD });
    expect(browser.cookies.get('browser_id')).toBe(name);
    const stored = await server.db.collection('sessions').findOne({ 'user.id': 'named' });
    expect(JSON.stringify(stored)).not.toContain(name);
    const stranger = server.browser();
    stranger.cookies.set('browser_id', name ?? '');
    expect((await stranger.send('GET', '/api/account')).status).toBe(401);
    expect(await createSocketIdentity(server.deps).fromCookies(`browser_id=${name}`)).toBeUndefined();
  });

  test('is not made for those who do not sign in', async () => {
    const before = await server.db.collection('sessions').countDocuments();
    await server.browser().send('GET', '/api/account');
    await server.browser().send('GET', '/nothing');
    expect(await server.db.collection('sessions').countDocuments()).toBe(before);
  });

  test('is known to sockets, until its user is gone or must choose a new password', async () => {
    await server.addUser('socket');
    const browser = await server.signIn('socket');
    const identity = createSocketIdentity(server.deps);
    const header = [...browser.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const caller = await identity.fromCookies(header);
    expect(caller).toMatchObject({ via: 'session', userId: 'socket', sessionId: browser.cookies.get('session_id') });
    expect(await identity.fromCookies(undefined)).toBeUndefined();
    expect(await identity.fromCookies(`session_id=${caller?.sessionId}`)).toBeUndefined();
    const peer = { sessionId: caller?.sessionId ?? '', browserId: browser.cookies.get('browser_id') };
    expect(await identity.current(peer)).toBeDefined();
    await server.db.collection<{ _id: string }>('users').updateOne({ _id: 'socket' }, { $set: { force_reset: true } });
    expect(await identity.current(peer)).toBeUndefined();
  });
});

describe('forced reset', () => {
  const start = async (name: string, remember = false) => {
    await server.addUser(name, { forceReset: true });
    const browser = server.browser();
    const answer = await browser.send('POST', '/api/account/login', { username: name, password: PASSWORD, remember });
    return { browser, answer, code: answer.body.reset_code as string };
  };

  test('lets in only after a new password was chosen, and keeps the wish to be remembered', async () => {
    const { browser, answer, code } = await start('reset', true);
    expect(answer.status).toBe(200);
    expect(answer.body).toEqual({ reset: true, reset_code: expect.stringMatching(/^[0-9a-f]{64}$/) });
    expect((await browser.send('GET', '/api/account')).status).toBe(401);

    const short = await browser.send('POST', '/api/account/reset', { password: 'short', reset_code: code });
    expect(short.status).toBe(400);
    expect(short.body).toEqual({
      id: 'bad_request',
      message: 'Password does not meet minimum length requirement (8)',
      error: 'Password does not meet minimum length requirement (8)',
      reset_code: expect.stringMatching(/^[0-9a-f]{64}$/),
    });

    const body = { password: 'second-password', reset_code: short.body.reset_code };
    const done = await browser.send('POST', '/api/account/reset', body);
    expect(done).toMatchObject({ status: 200, body: { login: false, reset: false } });
    expect(done.cookies.session_token).toContain('Max-Age=2592000');
    expect((await browser.send('GET', '/api/account')).status).toBe(200);
    expect((await login('reset', PASSWORD)).status).toBe(400);
    expect((await login('reset', 'second-password')).status).toBe(201);
  });

  test('gives no code for a wrong one, and ends after five of them', async () => {
    const { browser, code } = await start('guessed');
    for (let tries = 0; tries < 5; tries += 1) {
      const wrong = await browser.send('POST', '/api/account/reset', { password: 'x', reset_code: 'wrong' });
      expect(wrong.status).toBe(400);
      expect(wrong.body).toEqual({ id: 'bad_request', message: 'Invalid reset code', error: 'Invalid reset code' });
    }
    const late = await browser.send('POST', '/api/account/reset', { password: 'second-password', reset_code: code });
    expect(late.body.message).toBe('Invalid reset code');
  });

  test('needs the cookie of the login, works once, and only while a reset is pending', async () => {
    const { browser, code } = await start('once');
    const body = { password: 'second-password', reset_code: code };
    expect((await server.browser().send('POST', '/api/account/reset', body)).status).toBe(400);
    const copy = server.browser();
    copy.cookies.set('session_id', browser.cookies.get('session_id') ?? '');
    const answers = await Promise.all([browser, copy].map((one) => one.send('POST', '/api/account/reset', body)));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 400]);
    expect((await browser.send('POST', '/api/account/reset', body)).body.message).toBe('Invalid reset code');
  });

  test('is not disturbed by other requests of the browser', async () => {
    const { browser, code } = await start('busy');
    await browser.send('GET', '/');
    await browser.send('GET', '/api/groups');
    const answer = await browser.send('POST', '/api/account/reset', { password: 'second-password', reset_code: code });
    expect(answer.status).toBe(200);
  });
});

describe('own account', () => {
  test('is shown whole, without password data', async () => {
    await server.addUser('whole');
    const browser = await server.signIn('whole');
    const { body } = await browser.send('GET', '/api/account');
    expect(body).toEqual({
      id: 'whole',
      administrator: false,
      groups: [],
      identicon: createHash('sha256').update('whole').digest('hex'),
      last_password_change: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?Z$/),
      permissions: NO_PERMISSIONS,
      primary_group: '',
      settings: {
        skip_quick_analyze_dialog: true,
        show_ids: true,
        show_versions: true,
        quick_analyze_algorithm: 'pathoscope_bowtie',
      },
    });
  });

  test('takes an e-mail address without the blanks around it, and stays as it is when nothing is to change', async () => {
    await server.addUser('mail');
    const browser = await server.signIn('mail');
    expect((await browser.send('PATCH', '/api/account', { email: ' mail@example.com ' })).body.email).toBe(
      'mail@example.com',
    );
    // The client of release 3.7.3 sends the bare address, which is not JSON.
    for (const nothing of ['{}', '', 'other@example.com']) {
      const answer = await browser.send('PATCH', '/api/account', nothing);
      expect(answer).toMatchObject({ status: 200, body: { id: 'mail', email: 'mail@example.com' } });
    }
    const number = await browser.send('PATCH', '/api/account', { email: 5 });
    expect(number.body.errors).toEqual({ email: ['must be of string type'] });
    const wrong = await browser.send('PATCH', '/api/account', { email: 'nobody' });
    expect(wrong.body.errors.email[0]).toMatch(/^value does not match regex '\^/);
  });

  test('takes a new password only with the old one, and ends all other sessions', async () => {
    await server.addUser('changer');
    const browser = await server.signIn('changer');
    const other = await server.signIn('changer');
    const patch = (body: unknown) => browser.send('PATCH', '/api/account', body);

    expect((await patch({ password: 'third-password' })).body.errors).toEqual({
      password: ["field 'old_password' is required"],
    });
    expect((await patch({ password: 'short', old_password: 'wrong' })).body.message).toBe(
      'Password does not meet minimum length requirement (8)',
    );
    expect((await patch({ password: 'é'.repeat(37), old_password: PASSWORD })).body.message).toBe(
      'Password is longer than 72 bytes',
    );
    expect((await patch({ password: 'third\0password', old_password: PASSWORD })).status).toBe(400);
    expect((await patch({ password: 'third-password', old_password: 'wrong' })).body.message).toBe(
      'Invalid credentials',
    );
    const before = (await browser.send('GET', '/api/account')).body.last_password_change;
    const changed = await patch({ password: 'third-password', old_password: PASSWORD });
    expect(changed.status).toBe(200);
    expect(changed.body.last_password_change > before).toBe(true);
    expect((await browser.send('GET', '/api/account')).status).toBe(200);
    expect((await other.send('GET', '/api/account')).status).toBe(401);
  });

  test('keeps changed settings', async () => {
    await server.addUser('chooser');
    const browser = await server.signIn('chooser');
    const changed = await browser.send('PATCH', '/api/account/settings', {
      show_ids: false,
      quick_analyze_algorithm: 'nuvs',
      unknown: 1,
    });
    const expected = {
      skip_quick_analyze_dialog: true,
      show_ids: false,
      show_versions: true,
      quick_analyze_algorithm: 'nuvs',
    };
    expect(changed).toMatchObject({ status: 200 });
    expect(changed.body).toEqual(expected);
    expect((await browser.send('GET', '/api/account/settings')).body).toEqual(expected);
    const magic = await browser.send('PATCH', '/api/account/settings', { quick_analyze_algorithm: 'magic' });
    expect(magic.body.errors).toEqual({ quick_analyze_algorithm: ['unallowed value magic'] });
  });
});
