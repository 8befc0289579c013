import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Database, openDatabase } from '../../../src/store/database/database.js';
import { ensureIndexes, INDEXES } from '../../../src/store/database/indexes.js';
import { createStore, type Store } from '../../../src/store/index.js';
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
const bob = { userId: 'bob', administrator: false, groups: ['west', 'east'] };
const head = { userId: 'head', administrator: true, groups: [] };
const anySample = { pathoscope: [], nuvs: [] };

/** What users page through, by name. */
const LISTS: Record<string, (page: typeof PAGE) => Promise<unknown>> = {
  'all samples': (page) => store.samples.list(head, anySample, page),
  'the samples of a user': (page) => store.samples.list(bob, anySample, page),
  jobs: (page) => store.jobs.list({}, undefined, page),
  files: (page) => store.files.list(undefined, page),
  'files of a type': (page) => store.files.list('reads', page),
  'all OTUs': (page) => store.otus.list({ scope: 'all' }, page),
  'OTUs of a reference': (page) => store.otus.list({ scope: ['r'] }, page),
  'unverified OTUs of a reference': (page) => store.otus.list({ scope: ['r'], verified: false }, page),
  'all changes': (page) => store.history.list({ scope: 'all' }, page),
  'changes of a reference': (page) => store.history.list({ scope: ['r'] }, page),
  'unbuilt changes': (page) => store.history.list({ scope: 'all', unbuilt: true }, page),
  'unbuilt changes of a reference': (page) => store.history.list({ scope: ['r'], unbuilt: true }, page),
  'built changes of a reference': (page) => store.history.list({ scope: ['r'], unbuilt: false }, page),
  'changes of an index': (page) => store.history.ofIndex('i', undefined, page),
  'all references': (page) => store.references.list(head, undefined, page),
  'the references of a user': (page) => store.references.list(bob, undefined, page),
  users: (page) => store.users.list(undefined, page),
  subtractions: (page) => store.subtractions.list({}, page),
  HMMs: (page) => store.hmms.list(undefined, page),
  'all indexes': (page) => store.indexLists.list('all', page),
  'indexes of a reference': (page) => store.indexLists.list(['r'], page),
  'analyses of a sample': (page) => store.analyses.list('s', undefined, page),
};

/** Lists that come whole, what schedules ask for, and what is found by the id of what is removed. */
const OTHERS: Record<string, () => Promise<unknown>> = {
  'names of OTUs': () => store.otus.names(['r']),
  'changes of an OTU': () => store.history.ofOtu('o'),
  'changed OTUs of an index': () => store.indexLists.changedOtus('i'),
  processes: () => store.processes.list({}),
  'keys of a user': () => store.keys.list('bob'),
  'caches of a sample': () => store.caches.ofSample('s'),
  'unbuilt changes, counted': () => store.history.countUnbuilt(['r']),
  'samples of a subtraction': () => store.samples.linkedTo('Vitis', head),
  'scheduled: unfinished jobs': () => store.jobs.unfinishedIds(),
  'scheduled: unfinished processes': () => store.processes.unfinished(),
  'scheduled: old processes': () => store.processes.prune(new Date(), 100),
  'scheduled: BLASTs': () => store.blast.waiting(),
  'scheduled: expired files': () => store.files.expired(new Date()),
  'scheduled: broken uploads': () => store.files.unfinished(new Date()),
  'scheduled: files of the watch folder': () => store.files.arriving(),
  'scheduled: files on disk': () => store.files.onDisk(),
  'scheduled: jobs that hold files': () => store.files.holders(),
  'clean-up: files of jobs': () => store.files.releaseAllOf(['j']),
  'clean-up: jobs of a sample': () => store.samples.unfinishedJobs('s'),
  'clean-up: analyses of a sample': () => store.analyses.ofSample('s'),
  'clean-up: a sample': () => store.samples.remove('s'),
  'clean-up: sessions of a user': () => store.sessions.closeAllOf('bob'),
  'clean-up: keys of a user': () => store.keys.removeAll('bob'),
  'clean-up: OTUs of a reference': () => store.otuRemovals.removeAll('r'),
  'clean-up: members of a group': () => database.transaction((session) => store.users.settleMembers('west', session)),
};

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
    const sent = await sentDuring(database, () => list(page));
    const pages = sent.filter(({ command }) => command === 'find');
    expect(pages.length).toBeGreaterThan(0);
    expect(unserved(sent)).toEqual([]);
    expect(await scanned(pages.filter(isFlat).filter(isEqual))).toEqual([]);
  });
});

test.each(Object.entries(OTHERS))('an index leads to %s', async (_name, work) => {
  const sent = (await sentDuring(database, work)).filter(({ collection }) => collection !== 'locks');
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
