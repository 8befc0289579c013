import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { searchFilter } from '../../../src/store/database/pages.js';
import { type TestDatabase, testDatabase } from '../../support/servers.js';

let database: TestDatabase;
beforeAll(async () => {
  database = await testDatabase();
  await database.db.collection<{ _id: string; name: string; user: { id: string } }>('things').insertMany([
    { _id: 'plain', name: 'Virus', user: { id: 'bob' } },
    { _id: 'root', name: 'costs $$root dollars', user: { id: 'bob' } },
    { _id: 'field', name: 'a $user.id and a $name', user: { id: 'bob' } },
    { _id: 'signs', name: 'a.*b (c) [d] {"$gt": ""} \\ é', user: { id: 'Zoë' } },
  ]);
});
afterAll(() => database.dispose());

const find = async (term: string) =>
  (
    await database.db
      .collection('things')
      .find(searchFilter(['name', 'user.id'], term) ?? {})
      .toArray()
  ).map(({ _id }) => String(_id));

describe('the text that one looks for', () => {
  // In an expression these would name a variable, a field or an operator.
  test.each([
    ['$', ['root', 'field', 'signs']],
    ['$$root', ['root']],
    ['$$ROOT', ['root']],
    ['$name', ['field']],
    ['$user.id', ['field']],
    ['$$', ['root']],
    ['{"$gt": ""}', ['signs']],
    ['.*', ['signs']],
    ['[d]', ['signs']],
    ['É', ['signs']],
    ['zoë', ['signs']],
    ['VIRUS', ['plain']],
    ['$unknown', []],
  ])('%s is found as these letters', async (term, found) => {
    expect(await find(term)).toEqual(found);
  });
});
