import { createHash } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Browser, type IdentityServer, identityServer, PASSWORD } from '../support/identity.js';

const identicon = (id: string) => createHash('sha256').update(id).digest('hex');

describe('first user', () => {
  let server: IdentityServer;
  beforeEach(async () => {
    server = await identityServer();
  });
  afterEach(() => server.dispose());

  const claim = (id = 'Head-1', password = PASSWORD) =>
    server.browser().send('PUT', '/api/users/first', { user_id: id, password });

  test('is an administrator who is signed in at once', async () => {
    const browser = server.browser();
    const answer = await browser.send('PUT', '/api/users/first', { user_id: ' Head-1 ', password: PASSWORD });
    expect(answer.status).toBe(201);
    expect(answer.headers.get('Location')).toBe('/api/users/Head-1');
    expect(answer.body).toMatchObject({ id: 'Head-1', administrator: true, force_reset: false, groups: [] });
    expect(answer.cookies.session_token).toContain('HttpOnly');
    expect((await browser.send('GET', '/api/users/Head-1')).status).toBe(200);
  });

  // Check-then-insert would let several in.
  test('is one, of eight who claim it at the same moment', async () => {
    const answers = await Promise.all(Array.from({ length: 8 }, (_, number) => claim(`claimer-${number}`)));
    expect(answers.map(({ status }) => status).sort()).toEqual([201, ...new Array<number>(7).fill(409)]);
    const refused = answers.find(({ status }) => status === 409);
    expect(refused?.body).toEqual({ id: 'conflict', message: 'Virtool already has at least one user' });
    expect(await server.db.collection('users').countDocuments()).toBe(1);
  });

  test('can be claimed after refused tries, and never again', async () => {
    expect((await claim('virtool')).body).toEqual({ id: 'bad_request', message: 'Reserved user name: virtool' });
    expect((await claim('Head-1', 'short')).body.message).toBe('Password does not meet minimum length requirement (8)');
    const types = await server.browser().send('PUT', '/api/users/first', { user_id: 5, password: null });
    expect(types.body.errors).toEqual({
      user_id: ['must be of string type'],
      password: ['null value not allowed'],
    });
    expect((await claim()).status).toBe(201);
    expect((await claim('virtool')).status).toBe(409);
    await server.db.collection('users').deleteMany({});
    expect((await claim('Late-1')).status).toBe(409);
  });

  test('is not asked for where an older server has users already', async () => {
    await server.addUser('old');
    expect((await claim()).status).toBe(409);
  });
});

describe('users', () => {
  let server: IdentityServer;
  let head: Browser;
  beforeAll(async () => {
    server = await identityServer();
    head = await server.addHead();
    for (const group of ['lab', 'field']) await head.send('POST', '/api/groups', { group_id: group });
    await head.send('PATCH', '/api/groups/lab', { permissions: { upload_file: true } });
    await head.send('PATCH', '/api/groups/field', { permissions: { create_sample: true } });
  });
  afterAll(() => server.dispose());

  const change = (id: string, body: unknown) => head.send('PATCH', `/api/users/${id}`, body);

  test('are created with everything off, and have to choose a new password unless told otherwise', async () => {
    const made = await head.send('POST', '/api/users', { user_id: ' new ', password: PASSWORD });
    expect(made.status).toBe(201);
    expect(made.headers.get('Location')).toBe('/api/users/new');
    expect(made.body).toEqual({
      id: 'new',
      administrator: false,
      force_reset: true,
      groups: [],
      identicon: identicon('new'),
      last_password_change: expect.any(String),
      permissions: expect.objectContaining({ upload_file: false }),
      primary_group: '',
    });
    const free = await head.send('POST', '/api/users', { user_id: 'free', password: PASSWORD, force_reset: false });
    expect(free.body.force_reset).toBe(false);
    expect([...(await server.signIn('free')).cookies.keys()]).toContain('session_token');
  });

  test('are refused with a bad name or password, in the order of the contract', async () => {
    const post = async (body: unknown) => (await head.send('POST', '/api/users', body)).body;
    await server.addUser('taken');
    expect((await post({ user_id: 'virtool', password: 'x' })).message).toBe('Reserved user name: virtool');
    expect((await post({ user_id: 'taken', password: 'x' })).message).toBe(
      'Password does not meet minimum length requirement (8)',
    );
    expect(await post({ user_id: 'taken', password: PASSWORD })).toEqual({
      id: 'bad_request',
      message: 'User already exists',
    });
    for (const name of ['a/b', 'a:b', 'a\nb', '..', '<b>', ' ']) {
      expect((await post({ user_id: name, password: PASSWORD })).errors).toHaveProperty('user_id');
    }
    expect((await post({ user_id: 1, password: 2, force_reset: 'no' })).errors).toEqual({
      user_id: ['must be of string type'],
      password: ['must be of string type'],
      force_reset: ['must be of boolean type'],
    });
  });

  test('follow the minimum password length of the settings', async () => {
    await head.send('PATCH', '/api/settings', { minimum_password_length: 20 });
    const refused = await head.send('POST', '/api/users', { user_id: 'long', password: PASSWORD });
    expect(refused.body.message).toBe('Password does not meet minimum length requirement (20)');
    await head.send('PATCH', '/api/settings', { minimum_password_length: 8 });
  });

  test('are found by a part of their id, page by page', async () => {
    for (const id of ['find-a', 'find-b', 'find-c']) await server.addUser(id);
    const page = await head.send('GET', '/api/users?find=FIND-&per_page=2&page=2');
    expect(page.body).toMatchObject({ found_count: 3, page_count: 2, per_page: 2, page: 2 });
    expect(page.body.documents.map(({ id }: { id: string }) => id)).toEqual(['find-c']);
    expect(page.body.total_count).toBe(await server.db.collection('users').countDocuments());
    expect((await head.send('GET', '/api/users?find=.*')).body.documents).toEqual([]);
    expect((await head.send('GET', '/api/users?per_page=0')).body.per_page).toBe(1);
  });

  test('are found by everybody, but others than administrators see no more than id and identicon', async () => {
    await server.addUser('plain');
    const plain = await server.signIn('plain');
    const { body } = await plain.send('GET', '/api/users?find=plain');
    expect(body.documents).toEqual([{ id: 'plain', identicon: identicon('plain') }]);
    for (const [method, path] of [
      ['GET', '/api/users/plain'],
      ['PATCH', '/api/users/plain'],
      ['DELETE', '/api/users/head'],
      ['POST', '/api/users'],
    ] as const) {
      const refused = await plain.send(method, path);
      expect(refused).toMatchObject({ status: 403, body: { message: 'Requires administrative privilege' } });
    }
  });

  test('get the permissions of all their groups, at once also in open sessions', async () => {
    await server.addUser('member');
    const member = await server.signIn('member');
    const answer = await change('member', { groups: ['lab', 'field', 'lab'] });
    expect(answer.body.groups).toEqual(['lab', 'field']);
    expect(answer.body.permissions).toMatchObject({ upload_file: true, create_sample: true, remove_job: false });
    expect((await member.send('GET', '/api/account')).body.permissions.create_sample).toBe(true);
    await change('member', { groups: ['lab'] });
    expect((await member.send('GET', '/api/account')).body.permissions.create_sample).toBe(false);
  });

  test('have a primary group only among their groups, which goes with the group and can be cleared', async () => {
    await server.addUser('primary');
    const patch = async (body: unknown) => (await change('primary', body)).body;
    expect(await patch({ primary_group: 'lab' })).toEqual({ id: 'conflict', message: 'User is not member of group' });
    expect((await patch({ groups: ['lab'], primary_group: 'lab' })).primary_group).toBe('lab');
    expect((await patch({ groups: ['field'] })).primary_group).toBe('');
    expect((await patch({ primary_group: 'field' })).primary_group).toBe('field');
    expect((await patch({ primary_group: '' })).primary_group).toBe('');
    expect((await patch({ primary_group: 'field' })).primary_group).toBe('field');
    expect((await patch({ primary_group: 'none' })).primary_group).toBe('');
  });

  test('are refused a bad change, in the order of the contract', async () => {
    await server.addUser('strict');
    const message = async (id: string, body: unknown) => (await change(id, body)).body.message;
    const everything = { password: 'x', groups: ['nobodies', 'lab', 'others'], primary_group: 'nobodies' };
    expect(await message('nobody', everything)).toBe('Password does not meet minimum length requirement (8)');
    expect(await message('nobody', { ...everything, password: undefined })).toBe(
      'Groups do not exist: nobodies, others',
    );
    expect(await message('nobody', { primary_group: 'nobodies' })).toBe('Primary group does not exist');
    expect(await message('head', { administrator: true })).toBe('Users cannot modify their own administrative status');
    const unknown = await change('nobody', { administrator: true });
    expect(unknown).toMatchObject({ status: 404, body: { id: 'not_found', message: 'User does not exist' } });
    expect((await change('strict', { groups: [1], administrator: 'yes' })).body.errors).toEqual({
      groups: [{ 0: ['must be of string type'] }],
      administrator: ['must be of boolean type'],
    });
    expect((await change('strict', { unknown: 1 })).body).toMatchObject({ id: 'strict', force_reset: false });
  });

  test('lose their sessions at once by a new password or a forced reset', async () => {
    for (const body of [{ password: 'other-password' }, { force_reset: true }]) {
      const id = `ended-${Object.keys(body)[0]}`;
      await server.addUser(id);
      const browser = await server.signIn(id);
      expect((await change(id, body)).status).toBe(200);
      expect((await browser.send('GET', '/api/account')).status).toBe(401);
      expect(await server.db.collection('sessions').countDocuments({ 'user.id': id })).toBe(0);
    }
  });

  test('who become administrators are administrators in the same session', async () => {
    await server.addUser('risen');
    const browser = await server.signIn('risen');
    expect((await browser.send('GET', '/api/users/risen')).status).toBe(403);
    await change('risen', { administrator: true });
    expect((await browser.send('GET', '/api/users/risen')).status).toBe(200);
    await change('risen', { administrator: false });
    expect((await browser.send('GET', '/api/users/risen')).status).toBe(403);
  });

  test('are removed with sessions, keys and memberships, and nobody removes himself', async () => {
    await server.addUser('gone');
    const browser = await server.signIn('gone');
    await browser.send('POST', '/api/account/keys', { name: 'robot' });
    type Reference = { _id: string; users: { id: string }[] };
    const references = server.db.collection<Reference>('references');
    await references.insertMany([
      { _id: 'with', users: [{ id: 'gone' }, { id: 'head' }] },
      { _id: 'without', users: [{ id: 'head' }] },
    ]);
    expect((await head.send('DELETE', '/api/users/gone')).status).toBe(204);
    expect((await browser.send('GET', '/api/account')).status).toBe(401);
    expect(await references.find().sort({ _id: 1 }).toArray()).toEqual([
      { _id: 'with', users: [{ id: 'head' }] },
      { _id: 'without', users: [{ id: 'head' }] },
    ]);
    expect(await server.db.collection('sessions').countDocuments({ 'user.id': 'gone' })).toBe(0);
    expect(await server.db.collection('keys').countDocuments({ 'user.id': 'gone' })).toBe(0);
    expect((await head.send('DELETE', '/api/users/gone')).status).toBe(404);
    expect((await head.send('DELETE', '/api/users/head')).body.message).toBe('Cannot remove own account');
  });
});
