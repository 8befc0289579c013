import { afterAll, beforeAll, expect, test } from 'vitest';
import type { HistoryDocument } from '../../../src/store/history/history.js';
import type { Store } from '../../../src/store/index.js';
import { testStore } from '../../support/store.js';

let store: Store;
let dispose: () => Promise<void>;
beforeAll(async () => {
  ({ store, dispose } = await testStore());
});
afterAll(() => dispose());

const change = (user: string, version: number, second: number): HistoryDocument => ({
  _id: `otu1.${version}`,
  method_name: 'edit',
  description: 'Changed name to Virus',
  created_at: new Date(Date.UTC(2019, 8, 11, 12, 0, second)),
  otu: { id: 'otu1', name: 'Virus', version },
  reference: { id: 'ref1' },
  index: { id: 'index1', version: 0 },
  user: { id: user },
  diff: [],
});

test('contributors come in the order of their first change, whatever their number of changes', async () => {
  const users = ['fred', 'anna', 'bob', 'bob', 'fred', 'bob'];
  const changes = users.map((user, i) => change(user, i, i));
  await store.history.collection.insertMany([...changes, change('zoe', 6, 0)].reverse());
  const expected = [
    { id: 'fred', count: 2 },
    { id: 'zoe', count: 1 },
    { id: 'anna', count: 1 },
    { id: 'bob', count: 3 },
  ];
  expect(await store.history.contributors({ referenceId: 'ref1' })).toEqual(expected);
  expect(await store.history.contributors({ indexId: 'index1' })).toEqual(expected);
  expect(await store.history.contributors({ indexId: 'index2' })).toEqual([]);
});
