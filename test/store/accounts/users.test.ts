import { afterEach, beforeEach, expect, test } from 'vitest';
import type { UserDocument } from '../../../src/store/accounts/users.js';
import { type TestStore, testStore } from '../../support/store.js';

let made: TestStore;
beforeEach(async () => {
  made = await testStore();
  await made.store.users.insert({ id: 'carl', passwordHash: 'x', administrator: false, forceReset: false });
});
afterEach(() => made.dispose());

const users = () => made.store.database.collection<UserDocument>('users');

async function addAdministrators(...ids: string[]): Promise<void> {
  for (const id of ids) {
    await made.store.users.insert({ id, passwordHash: 'x', administrator: true, forceReset: false });
  }
}
const administrators = async () => {
  return (await users().find({ administrator: true }).toArray()).map(({ _id }) => _id);
};
const demote = (id: string) => made.store.users.update(id, { administrator: false });
const remove = (id: string) => made.store.users.remove(id);

// Each of them may do so, as the other one is still an administrator when the request is checked.
test.each([
  ['demote each other', [demote, demote]],
  ['remove each other', [remove, remove]],
  ['demote and remove each other', [demote, remove]],
] as const)('two administrators who %s at once leave one of them', async (_, [left, right]) => {
  for (let round = 0; round < 5; round += 1) {
    await users().deleteMany({ administrator: true });
    await addAdministrators('ann', 'bob');
    const outcomes = await Promise.all([left('ann'), right('bob')]);
    expect(outcomes.filter((outcome) => outcome === 'last_administrator')).toHaveLength(1);
    expect(await administrators()).toHaveLength(1);
    await users().deleteMany({ _id: { $in: ['ann', 'bob'] } });
  }
});

test('the last administrator stays with all that belongs to the account', async () => {
  await addAdministrators('ann');
  await made.store.database.db.collection('keys').insertOne({ user: { id: 'ann' } });
  expect(await remove('ann')).toBe('last_administrator');
  expect(await demote('ann')).toBe('last_administrator');
  expect(await administrators()).toEqual(['ann']);
  expect(await made.store.database.db.collection('keys').countDocuments()).toBe(1);
  expect(await remove('carl')).toBe('removed');
  expect(await remove('carl')).toBe('not_found');
});
