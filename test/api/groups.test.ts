import { afterAll, beforeAll, expect, test } from 'vitest';
import { createGroupStore } from '../../src/store/accounts/groups.js';
import { type Browser, type IdentityServer, identityServer } from '../support/identity.js';

let server: IdentityServer;
let head: Browser;
beforeAll(async () => {
  server = await identityServer();
  head = await server.addHead();
});
afterAll(() => server.dispose());

const create = (id: unknown) => head.send('POST', '/api/groups', { group_id: id });

test('a group is made without permissions, under its lower-case name', async () => {
  const made = await create(' Technicians ');
  expect(made.status).toBe(201);
  expect(made.headers.get('Location')).toBe('/api/groups/technicians');
  expect(made.body.id).toBe('technicians');
  expect(Object.values(made.body.permissions)).toEqual(new Array(8).fill(false));
  expect((await create('TECHNICIANS')).body).toEqual({ id: 'bad_request', message: 'Group already exists' });
  const blanks = await create('west lab');
  expect(blanks.headers.get('Location')).toBe('/api/groups/west%20lab');
  expect((await head.send('GET', '/api/groups/west%20lab')).body.id).toBe('west lab');
});

test('a group name that would break paths or means "no group" is refused', async () => {
  expect((await create('   ')).body.errors).toEqual({ group_id: ['empty values not allowed'] });
  expect((await create(undefined)).body.errors).toEqual({ group_id: ['required field'] });
  for (const name of ['a/b', 'a\r\nb', '../x']) expect((await create(name)).status).toBe(422);
  expect((await create('None')).status).toBe(400);
});

test('permissions are merged, checked and held by members at once', async () => {
  await create('staff');
  await server.addUser('member', { groups: ['staff'] });
  const member = await server.signIn('member');
  const patch = (permissions: unknown) => head.send('PATCH', '/api/groups/staff', { permissions });
  await patch({ create_sample: true });
  const changed = await patch({ upload_file: true, create_sample: false });
  expect(changed.body.permissions).toMatchObject({ upload_file: true, create_sample: false, remove_job: false });
  expect((await member.send('GET', '/api/account')).body.permissions.upload_file).toBe(true);

  expect((await patch([])).body.errors).toEqual({ permissions: ['must be of dict type'] });
  expect((await patch({ create_sample: 'yes' })).body.errors).toEqual({
    permissions: [{ create_sample: ['must be of boolean type'] }],
  });
  expect((await head.send('PATCH', '/api/groups/staff', {})).body).toEqual(changed.body);
  expect((await head.send('PATCH', '/api/groups/nobodies', {})).status).toBe(404);
});

test('a changed permission leaves the primary group of members alone', async () => {
  await create('primary');
  await server.addUser('settled', { groups: ['primary'] });
  await head.send('PATCH', '/api/users/settled', { primary_group: 'primary' });
  await head.send('PATCH', '/api/groups/primary', { permissions: { remove_job: true } });
  expect((await head.send('GET', '/api/users/settled')).body.primary_group).toBe('primary');
});

test('a group that lacks a permission does not take away what another one grants', async () => {
  await server.db.collection<{ _id: string; permissions: object }>('groups').insertMany([
    { _id: 'granting', permissions: { upload_file: true } },
    { _id: 'lacking', permissions: { create_sample: true } },
  ]);
  await server.addUser('both');
  const { body } = await head.send('PATCH', '/api/users/both', { groups: ['granting', 'lacking'] });
  expect(body.permissions).toMatchObject({ upload_file: true, create_sample: true });
  expect((await head.send('GET', '/api/groups/lacking')).body.permissions.upload_file).toBe(false);
});

test('a removed group is gone from users, references, samples and settings', async () => {
  await create('doomed');
  await create('kept');
  await head.send('PATCH', '/api/groups/doomed', { permissions: { remove_job: true } });
  await server.addUser('leaver', { groups: ['doomed', 'kept'] });
  await head.send('PATCH', '/api/users/leaver', { primary_group: 'doomed' });
  type Reference = { _id: string; groups: { id: string }[] };
  const references = server.db.collection<Reference>('references');
  await references.insertOne({ _id: 'ref', groups: [{ id: 'doomed' }, { id: 'kept' }] });
  const samples = server.db.collection<{ _id: string; group: string }>('samples');
  await samples.insertOne({ _id: 'sample', group: 'doomed' });
  await head.send('PATCH', '/api/settings', { sample_group: 'doomed' });

  expect((await head.send('DELETE', '/api/groups/doomed')).status).toBe(204);
  const { body } = await head.send('GET', '/api/users/leaver');
  expect(body).toMatchObject({ groups: ['kept'], primary_group: '' });
  expect(body.permissions.remove_job).toBe(false);
  expect((await references.findOne({ _id: 'ref' }))?.groups).toEqual([{ id: 'kept' }]);
  expect((await samples.findOne({ _id: 'sample' }))?.group).toBe('none');
  expect((await head.send('GET', '/api/settings')).body.sample_group).toBe('none');
  expect((await head.send('DELETE', '/api/groups/doomed')).status).toBe(404);
});

test('rights stay right when groups and users are changed at the same time', async () => {
  for (const group of ['race-a', 'race-b', 'race-c']) await create(group);
  await server.addUser('racer');
  const changes = Array.from({ length: 12 }, (_, round) =>
    round % 2 === 0
      ? head.send('PATCH', '/api/users/racer', {
          groups: round % 4 === 0 ? ['race-a', 'race-b'] : ['race-b', 'race-c'],
        })
      : head.send('PATCH', '/api/groups/race-b', { permissions: { create_ref: round % 4 === 1 } }),
  );
  await Promise.all([...changes, head.send('DELETE', '/api/groups/race-c')]);
  const { body: user } = await head.send('GET', '/api/users/racer');
  const { body: groups } = await head.send('GET', '/api/groups');
  const own = groups.filter(({ id }: { id: string }) => user.groups.includes(id));
  expect(own).toHaveLength(user.groups.length);
  const granted = own.some(({ permissions }: { permissions: { create_ref: boolean } }) => permissions.create_ref);
  expect(user.permissions.create_ref).toBe(granted);
});

test('everybody reads groups, only administrators change them', async () => {
  await server.addUser('reader');
  const reader = await server.signIn('reader');
  expect((await reader.send('GET', '/api/groups')).body).toEqual((await head.send('GET', '/api/groups')).body);
  expect((await reader.send('GET', '/api/groups/nobodies')).body).toEqual({ id: 'not_found', message: 'Not found' });
  expect((await reader.send('GET', '/api/groups/a%2Fb')).status).toBe(404);
  for (const [method, path] of [
    ['POST', '/api/groups'],
    ['PATCH', '/api/groups/technicians'],
    ['DELETE', '/api/groups/technicians'],
  ] as const) {
    expect((await reader.send(method, path)).status).toBe(403);
    expect((await server.browser().send(method, path)).status).toBe(401);
  }
});

// Members who keep what a group no longer gives would keep it until somebody changes them again.
test('a change of a group that does not reach its members does not happen at all', async () => {
  await create('fragile');
  await head.send('PATCH', '/api/groups/fragile', { permissions: { create_ref: true } });
  await server.addUser('held', { groups: ['fragile'] });
  const groups = createGroupStore(server.database, async (groupId, session) => {
    await server.deps.store.users.settleMembers(groupId, session);
    throw new Error('cut off');
  });
  await expect(groups.setPermissions('fragile', { create_ref: false })).rejects.toThrow('cut off');
  await expect(groups.remove('fragile')).rejects.toThrow('cut off');
  expect(await groups.get('fragile')).toMatchObject({ permissions: { create_ref: true } });
  expect(await server.deps.store.users.get('held')).toMatchObject({
    groups: ['fragile'],
    permissions: { create_ref: true },
  });
});
