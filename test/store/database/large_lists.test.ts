import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Database, openDatabase } from '../../../src/store/database/database.js';
import { ensureIndexes } from '../../../src/store/database/indexes.js';
import { createStore, type Store } from '../../../src/store/index.js';
import { followLists } from '../../support/kept.js';
import { LISTS, OTHERS } from '../../support/listed_queries.js';
import { examinedFor, type SentQuery, sentDuring } from '../../support/plans.js';
import { type TestDatabase, testDatabase } from '../../support/servers.js';

// More would only take longer to insert: what goes through a collection looks at all of these, far above what is allowed.
const DOCUMENTS = 10_000;
const BATCH = 2_000;
const PER_PAGE = 25;
const ALLOWED = 3 * PER_PAGE;
const PAGE = { page: 1, perPage: PER_PAGE };
const FAR = { page: 100, perPage: PER_PAGE };
const bob = { userId: 'bob', administrator: false, groups: ['west', 'east'] };
const anySample = { pathoscope: [], nuvs: [] };

let raw: TestDatabase;
let database: Database;
let store: Store;
let following: { stop(): Promise<void> };
beforeAll(async () => {
  raw = await testDatabase();
  database = await openDatabase({ url: raw.url, name: raw.name, monitorCommands: true });
  store = createStore(database);
  await ensureIndexes(database);
  for (const [name, make] of Object.entries(MADE)) {
    for (let start = 0; start < DOCUMENTS; start += BATCH) {
      await raw.db.collection(name).insertMany(Array.from({ length: BATCH }, (_, n) => make(start + n)));
    }
  }
  following = await followLists(database);
}, 120_000);
afterAll(async () => {
  await following?.stop();
  await database.close();
  await raw.dispose();
});

const at = (n: number) => new Date(1.6e12 + n * 60_000);
const user = (n: number) => ({ id: n % 3 ? `user${n % 50}` : 'bob' });
const state = (name: string, n: number) => ({ state: name, stage: null, error: null, progress: 0, timestamp: at(n) });

/** Documents of each collection, none of which is what a schedule or clean-up looks for. */
const MADE: Record<string, (n: number) => object> = {
  samples: (n) => ({
    ...{ _id: `s${n}`, name: `Leaf ${n}`, user: user(n), created_at: at(n), all_read: n % 2 === 0, group: 'west' },
    ...{ group_read: n % 5 === 0, subtraction: { id: `host${n}` }, files: [], pathoscope: false, nuvs: true },
  }),
  jobs: (n) => ({
    ...{ _id: `j${n}`, task: 'nuvs', args: { sample_id: `s${n}` }, user: user(n), created_at: at(n), ended: true },
    ...{ proc: 1, mem: 1, status: [state('waiting', n), state('complete', n)] },
  }),
  files: (n) => ({
    ...{ _id: `f${n}`, name: 'reads', type: n % 2 ? 'reads' : 'hmm', user: user(n), uploaded_at: at(n) },
    ...{ expires_at: null, created: true, reserved: false, ready: true },
  }),
  otus: (n) => ({
    ...{
      _id: `o${n}`,
      name: `Virus ${n}`,
      abbreviation: '',
      reference: { id: n % 2 ? 'r' : 's' },
      verified: n % 3 > 0,
    },
    ...{ version: 0, isolates: [] },
  }),
  sequences: (n) => ({ _id: `q${n}`, otu_id: `o${n}`, isolate_id: 'i', reference: { id: 's' }, sequence: 'ACGT' }),
  history: (n) => ({
    ...{ _id: `o${n}.0`, otu: { id: `o${n}`, name: `Virus ${n}`, version: n % 4 }, user: user(n), created_at: at(n) },
    ...{ reference: { id: n % 2 ? 'r' : 's' }, index: { id: n % 3 ? 'unbuilt' : 'i', version: 0 }, diff: [] },
    ...{ method_name: 'create', description: 'Created' },
  }),
  users: (n) => ({ _id: `user${n}`, administrator: false, groups: [`g${n}`], primary_group: '', permissions: {} }),
  analyses: (n) => ({
    ...{ _id: `a${n}`, sample: { id: `s${n}` }, algorithm: 'nuvs', created_at: at(n), ready: true },
    ...{ user: user(n), reference: { id: 'r' }, job: { id: `j${n}` } },
  }),
  caches: (n) => ({ _id: `c${n}`, sample: { id: `s${n}` }, created_at: at(n), key: `k${n}`, job: { id: `j${n}` } }),
  sessions: (n) => ({ _id: `t${n}`, user: { id: `user${n}` }, expiresAt: new Date(Date.now() + 1e9) }),
  keys: (n) => ({ _id: `k${n}`, id: `k${n}`, user: { id: `user${n}` }, created_at: at(n) }),
};

async function examined(work: () => Promise<unknown>): Promise<{ sent: SentQuery[]; count: number }> {
  const sent = (await sentDuring(database, work)).filter(({ collection }) => collection !== 'locks');
  let count = 0;
  for (const query of sent) count += await examinedFor(database, query);
  return { sent, count };
}

type List = (store: Store, page: typeof PAGE) => Promise<unknown>;

/** The lists that grow with the work of a laboratory. */
const GROWING =
  /^(all samples|the samples|jobs|files|all OTUs|OTUs|unverified|all changes|changes|(un)?built changes|users)/;
const SEARCHES: Record<string, List> = {
  'samples, searched': (_, page) => store.samples.list(bob, { ...anySample, find: 'leaf 9' }, page),
  'samples with a tag': (_, page) => store.samples.list(bob, { pathoscope: [false], nuvs: [] }, page),
  'jobs, searched': (_, page) => store.jobs.list({}, 'user7', page),
  'OTUs, searched': (_, page) => store.otus.list({ scope: ['r'], find: 'VIRUS 9' }, page),
  'changes of an index, searched': (_, page) => store.history.ofIndex('i', 'virus 9', page),
  'users, searched': (_, page) => store.users.list('er9', page),
  'the jobs that a user may see': async (_, page) => store.jobs.list(await store.jobRights.scope(bob), undefined, page),
};
const lists: [string, List][] = [
  ...Object.entries(LISTS).filter(([name]) => GROWING.test(name)),
  ...Object.entries(SEARCHES),
];

/** What they answer is made of all that fits: it grows with what they are asked for. */
const WHOLE = [
  ...['names of OTUs', 'changed OTUs of an index', 'unbuilt changes, counted', 'scheduled: files on disk'],
  'clean-up: OTUs of a reference',
];
const narrow = Object.entries(OTHERS).filter(([name]) => !WHOLE.includes(name));

describe.each(lists)('a page of the list of %s', (_name, list) => {
  test.each([PAGE, FAR])('looks at no more documents than three pages have, on page $page', async (page) => {
    const { sent, count } = await examined(() => list(store, page));
    expect(sent.length).toBeLessThanOrEqual(2);
    expect(count).toBeLessThanOrEqual(ALLOWED);
  });
});

test.each(narrow)('no more documents than three pages have are looked at for %s', async (_name, work) => {
  const { sent, count } = await examined(() => work(store));
  expect(sent.length).toBeGreaterThan(0);
  expect(count).toBeLessThanOrEqual(ALLOWED);
});

test('what goes through a collection is seen', async () => {
  const { count } = await examined(() => database.collection('samples').findOne({ locale: 'nowhere' } as object));
  expect(count).toBe(DOCUMENTS);
});
