import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Laboratory, laboratory } from '../../support/laboratory.js';
import { referenceOf } from '../../support/references.js';

let lab: Laboratory;
beforeAll(async () => {
  lab = await laboratory({ bob: {}, anna: {}, fred: { groups: ['technicians'] } });
  await lab.store.groups.insert('technicians');
  await lab.store.groups.insert('west lab');
  for (const id of ['bob', 'anna', 'fred']) {
    await lab.store.users.insert({ id, passwordHash: '', administrator: false, forceReset: false });
  }
});
afterAll(() => lab.dispose());

const NO_RIGHTS = { build: false, modify: false, modify_otu: false, remove: false };
const ALL_RIGHTS = { build: true, modify: true, modify_otu: true, remove: true };

async function reference(changes: Parameters<typeof referenceOf>[0] = {}): Promise<string> {
  const document = referenceOf(changes);
  await lab.store.references.insert(document);
  return `/api/refs/${document._id}`;
}

test('groups are added, read, changed and removed', async () => {
  const refs = await reference();
  expect((await lab.send('bob', 'GET', `${refs}/groups`)).body).toEqual([]);
  const added = await lab.send('bob', 'POST', `${refs}/groups`, { group_id: 'west lab', modify_otu: true });
  expect(added.status).toBe(201);
  expect(added.headers.get('Location')).toBe(`${refs}/groups/west%20lab`);
  expect(added.body).toEqual({ id: 'west lab', created_at: expect.any(String), ...NO_RIGHTS, modify_otu: true });
  const changed = await lab.send('bob', 'PATCH', `${refs}/groups/west%20lab`, { build: true });
  expect(changed.body).toEqual({ ...added.body, build: true });
  expect((await lab.send('bob', 'GET', `${refs}/groups/west%20lab`)).body).toEqual(changed.body);
  expect((await lab.send('bob', 'GET', `${refs}/groups`)).body).toEqual([changed.body]);
  expect((await lab.send('bob', 'DELETE', `${refs}/groups/west%20lab`)).status).toBe(204);
  expect((await lab.send('bob', 'DELETE', `${refs}/groups/west%20lab`)).status).toBe(404);
  expect((await lab.send('bob', 'PATCH', `${refs}/groups/west%20lab`, {})).status).toBe(404);
});

test('users are sent with their picture', async () => {
  const refs = await reference();
  const added = await lab.send('bob', 'POST', `${refs}/users`, { user_id: 'anna', modify: true });
  const identicon = expect.stringMatching(/^[0-9a-f]{64}$/);
  expect(added.body).toEqual({ id: 'anna', created_at: expect.any(String), ...NO_RIGHTS, modify: true, identicon });
  const changed = await lab.send('bob', 'PATCH', `${refs}/users/anna`, { modify: false, modify_otu: true });
  expect(changed.body).toEqual({ ...added.body, modify: false, modify_otu: true });
});

test('unknown and double members are refused, after body and right', async () => {
  const refs = await reference();
  const add = (user: string, body: unknown) => lab.send(user, 'POST', `${refs}/groups`, body);
  expect((await add('anna', undefined)).body.errors).toEqual({ group_id: ['required field'] });
  expect((await add('anna', { group_id: 'nobodies' })).status).toBe(403);
  expect((await add('bob', { group_id: 'nobodies' })).body.message).toBe('Group does not exist');
  await add('bob', { group_id: 'technicians' });
  expect((await add('bob', { group_id: 'technicians' })).body.message).toBe('Group already exists');
  expect((await lab.send('bob', 'POST', `${refs}/users`, { user_id: 'nobody' })).body.message).toBe(
    'User does not exist',
  );
  expect((await lab.send('bob', 'POST', `${refs}/users`, { user_id: 'bob' })).body.message).toBe('User already exists');
  expect((await lab.send('bob', 'POST', '/api/refs/unknown1/groups', { group_id: 'technicians' })).status).toBe(404);
});

// A holder of `modify` could otherwise make itself the owner.
test('nobody grants a right that they lack', async () => {
  const refs = await reference({
    users: [
      { id: 'bob', ...ALL_RIGHTS },
      { id: 'anna', ...NO_RIGHTS, modify: true },
    ],
  });
  expect((await lab.send('anna', 'PATCH', `${refs}/users/anna`, { remove: true })).status).toBe(403);
  expect((await lab.send('anna', 'POST', `${refs}/users`, { user_id: 'fred', build: true })).status).toBe(403);
  expect((await lab.send('anna', 'POST', `${refs}/users`, { user_id: 'fred', modify: true })).status).toBe(201);
});

test('the last member with all rights stays, also when many are removed at once', async () => {
  const refs = await reference({
    users: [
      { id: 'bob', ...ALL_RIGHTS },
      { id: 'anna', ...ALL_RIGHTS },
    ],
  });
  const answers = await Promise.all(['bob', 'anna'].map((id) => lab.send('head', 'DELETE', `${refs}/users/${id}`)));
  expect(answers.map(({ status }) => status).sort()).toEqual([204, 409]);
  const left = (await lab.send('head', 'GET', refs)).body.users[0].id;
  expect((await lab.send('head', 'PATCH', `${refs}/users/${left}`, { build: false })).status).toBe(409);
});

test('a right through a group counts', async () => {
  const refs = await reference({ groups: [{ id: 'technicians', ...NO_RIGHTS, modify: true }] });
  expect((await lab.send('fred', 'PATCH', refs, { name: 'By Fred' })).status).toBe(200);
  expect((await lab.send('anna', 'PATCH', refs, { name: 'By Anna' })).status).toBe(403);
});
