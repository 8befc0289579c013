import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Database, openDatabase } from '../../../src/store/database/database.js';
import { ensureIndexes, INDEXES } from '../../../src/store/database/indexes.js';
import { createStore, type Store } from '../../../src/store/index.js';
import { LISTS, OTHERS } from '../../support/listed_queries.js';
import { isServed, planOf, type SentQuery, sentDuring } from '../../support/plans.js';
import { type TestDatabase, testDatabase } from '../../support/servers.js';

let raw: TestDatabase;
let database: Database;
let store: Store;
beforeAll(async () => {
  raw = await testDatabase();
  database = await openDatabase({ url: raw.url, name: raw.name, monitorCommands: true });
  store = createStore(database);
  await ensureIndexes(database);
});
afterAll(async () => {
  await database.close();
  await raw.dispose();
});

const PAGE = { page: 1, perPage: 25 };
const FAR = { page: 100, perPage: 25 };

const indexesOf = (collection: string) => INDEXES[collection as keyof typeof INDEXES] ?? [];
const unserved = (sent: readonly SentQuery[]) =>
  sent.filter((query) => !isServed(query, indexesOf(query.collection))).map(({ explain }) => explain);
// Scans only: the embedded server says that it sorts where an index gives the order. With `$ne` it uses no index at all.
const scanned = async (sent: readonly SentQuery[]) => {
  const plans = await Promise.all(sent.map(async (query) => ({ query, plan: await planOf(database, query) })));
  return plans.filter(({ plan }) => plan.includes('COLLSCAN')).map(({ query }) => query.explain);
};
// What is sorted by `_id` alone is in its order anyway.
const isEqual = ({ filter }: SentQuery) => !Object.values(filter).some((condition) => condition?.$ne !== undefined);
const isFlat = ({ filter, sort }: SentQuery) => !('$or' in filter) && Object.keys({ ...filter, ...sort })[0] !== '_id';

describe.each(Object.entries(LISTS))('the list of %s', (_name, list) => {
  test.each([PAGE, FAR])('has an index for filter and order on page $page', async (page) => {
    const sent = await sentDuring(database, () => list(store, page));
    const pages = sent.filter(({ command }) => command === 'find');
    expect(pages.length).toBeGreaterThan(0);
    expect(unserved(sent)).toEqual([]);
    expect(await scanned(pages.filter(isFlat).filter(isEqual))).toEqual([]);
  });
});

test.each(Object.entries(OTHERS))('an index leads to %s', async (_name, work) => {
  const sent = (await sentDuring(database, () => work(store))).filter(({ collection }) => collection !== 'locks');
  expect(sent.length).toBeGreaterThan(0);
  expect(unserved(sent)).toEqual([]);
});

test('an index that lacks the end of an order, or has a gap before it, serves nothing', () => {
  const sort = { created_at: -1, _id: 1 };
  const served = (key: object, filter = {}) => isServed({ filter, sort }, [{ key: key as Record<string, 1> }]);
  expect(served({ created_at: -1, _id: 1 })).toBe(true);
  expect(served({ created_at: 1, _id: -1 })).toBe(true);
  expect(served({ created_at: -1 })).toBe(false);
  expect(served({ created_at: -1, _id: -1 })).toBe(false);
  expect(served({ type: 1, created_at: -1, _id: 1 }, { type: 'reads' })).toBe(true);
  expect(served({ type: 1, created_at: -1, _id: 1 }, { type: { $gt: 'a' } })).toBe(false);
  expect(served({ type: 1, ready: 1, created_at: -1, _id: 1 }, { type: 'reads' })).toBe(false);
});
