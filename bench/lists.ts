import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { MongoClient } from 'mongodb';
import { startChangeFeed } from '../src/store/database/change_feed.js';
import { openDatabase } from '../src/store/database/database.js';
import { ensureIndexes } from '../src/store/database/indexes.js';
import { createStore, type Store } from '../src/store/index.js';
import { printTable, quantile } from './table.js';

const DOCUMENTS = 100_000;
const BATCH = 2_000;
const ROUNDS = 20;
const NAME = 'bench_lists';
const PER_PAGE = 25;
const PAGE = { page: 1, perPage: PER_PAGE };
const FAR = { page: 1_900, perPage: PER_PAGE };
const HEAD = { userId: 'head', administrator: true, groups: [] };
const BOB = { userId: 'user7', administrator: false, groups: ['west'] };
const ANY = { pathoscope: [], nuvs: [] };
const COLLECTIONS = ['samples', 'jobs', 'files', 'otus', 'history', 'users'] as const;

type Row = {
  name: string;
  list(page: typeof PAGE): Promise<unknown>;
  /** With another term in each round, as an answer is kept. */
  find?(term: number): Promise<unknown>;
  /** The query that only finds the page, as a server without lists in memory sends it. */
  bare: { collection: string; sort: Record<string, 1 | -1>; filter?: object };
};

/**
 * Times the lists of a large database: pages, those after a change of a listed document, far ones, and those with `find`; beside them the
 * bare query of a page.
 */
export async function benchLists(databaseUrl: string): Promise<void> {
  const client = await MongoClient.connect(databaseUrl);
  const database = await openDatabase({ url: databaseUrl, name: NAME });
  try {
    await ensureIndexes(database);
    const store = createStore(database);
    await fill(client);
    const feed = startChangeFeed(database, {
      collections: COLLECTIONS,
      onBatch: async () => undefined,
      onTrouble: (error) => console.error(error),
      follower: database.kept.follower,
    });
    await feed.opened;
    const before = heapBytes();
    const begin = performance.now();
    for (const name of COLLECTIONS) await database.kept.of(name).selectAnyhow({ filter: {}, order: [['_id', 1]] });
    const seconds = ((performance.now() - begin) / 1_000).toFixed(1);
    const table: string[][] = [];
    for (const row of rowsOf(store)) table.push(await timesOf(row, client));
    const megabytes = Math.round((heapBytes() - before) / 2 ** 20);
    printTable(
      'Lists, p95 in ms',
      ['list', 'page', 'after a change', 'far page', 'with find', 'bare query of a page', 'of find'],
      table,
    );
    console.log(`All lists were loaded in ${seconds} s and take about ${megabytes} MB.`);
    await feed.close();
  } finally {
    await database.db.dropDatabase();
    await database.close();
    await client.close();
  }
}

function rowsOf(store: Store): Row[] {
  return [
    {
      name: 'samples',
      list: (page) => store.samples.list(HEAD, ANY, page),
      find: (n) => store.samples.list(HEAD, { ...ANY, find: `leaf ${n}` }, PAGE),
      bare: { collection: 'samples', sort: { created_at: -1, _id: 1 } },
    },
    {
      name: 'samples of a user',
      list: (page) => store.samples.list(BOB, ANY, page),
      find: (n) => store.samples.list(BOB, { ...ANY, find: `leaf ${n}` }, PAGE),
      bare: { collection: 'samples', sort: { created_at: -1, _id: 1 }, filter: { all_read: true } },
    },
    {
      name: 'jobs',
      list: (page) => store.jobs.list({}, undefined, page),
      find: (n) => store.jobs.list({}, `user${n}`, PAGE),
      bare: { collection: 'jobs', sort: { created_at: 1, _id: 1 } },
    },
    {
      name: 'jobs of a user',
      list: async (page) => store.jobs.list(await store.jobRights.scope(BOB), undefined, page),
      find: async (n) => store.jobs.list(await store.jobRights.scope(BOB), `user${n}`, PAGE),
      bare: { collection: 'jobs', sort: { created_at: 1, _id: 1 } },
    },
    {
      name: 'files',
      list: (page) => store.files.list('reads', page),
      bare: {
        ...{ collection: 'files', sort: { uploaded_at: -1, _id: 1 } },
        filter: { ready: true, reserved: false, type: 'reads' },
      },
    },
    {
      name: 'OTUs',
      list: (page) => store.otus.list({ scope: ['r'] }, page),
      find: (n) => store.otus.list({ scope: ['r'], find: `virus ${n}` }, PAGE),
      bare: { collection: 'otus', sort: { name: 1, _id: 1 }, filter: { 'reference.id': 'r' } },
    },
    {
      name: 'history',
      list: (page) => store.history.list({ scope: 'all' }, page),
      bare: { collection: 'history', sort: { 'otu.version': -1, created_at: -1, _id: 1 } },
    },
    {
      name: 'users',
      list: (page) => store.users.list(undefined, page),
      find: (n) => store.users.list(`r${n}`, PAGE),
      bare: { collection: 'users', sort: { _id: 1 } },
    },
  ];
}

async function timesOf({ name, list, find, bare }: Row, client: MongoClient): Promise<string[]> {
  const collection = client.db(NAME).collection<{ _id: string }>(bare.collection);
  const page = (filter: object) =>
    collection
      .find({ ...bare.filter, ...filter })
      .sort(bare.sort)
      .limit(PER_PAGE)
      .project({ _id: 1 })
      .toArray();
  const search = { $expr: { $gte: [{ $indexOfCP: [{ $toLower: '$_id' }, 'd0'] }, 0] } };
  await list(PAGE);
  const change = (round: number) =>
    collection.updateOne(
      { _id: id(round) },
      { $set: { created_at: at(round), uploaded_at: at(round), verified: true } },
    );
  return [
    name,
    await p95(() => list(PAGE), ROUNDS),
    await p95(() => list(PAGE), ROUNDS, change),
    await p95(() => list(FAR), ROUNDS),
    find ? await p95((round) => find(10 + round), ROUNDS) : '-',
    await p95(() => page({}), 5),
    find ? await p95(() => page(search), 5) : '-',
  ];
}

async function p95(
  work: (round: number) => Promise<unknown>,
  rounds: number,
  before?: (round: number) => Promise<unknown>,
): Promise<string> {
  const times: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    await before?.(round);
    const begin = performance.now();
    await work(round);
    times.push(performance.now() - begin);
  }
  return quantile(times, 0.95).toFixed(1);
}

function heapBytes(): number {
  setFlagsFromString('--expose-gc');
  runInNewContext('gc')();
  return process.memoryUsage().heapUsed;
}

function at(number: number): Date {
  return new Date(1.6e12 + number * 60_000);
}

function id(number: number): string {
  return `d${((number * 7_919) % 100_003).toString(36).padStart(7, '0')}`;
}

async function fill(client: MongoClient): Promise<void> {
  const db = client.db(NAME);
  const user = (number: number) => ({ id: `user${number % 50}` });
  const insert = async (name: string, make: (number: number) => object) => {
    for (let start = 0; start < DOCUMENTS; start += BATCH) {
      await db.collection(name).insertMany(Array.from({ length: BATCH }, (_, n) => make(start + n)));
    }
  };
  await insert('samples', (n) => ({
    ...{ _id: id(n), name: `Leaf ${n}`, host: 'Malus', user: user(n), created_at: at(n), all_read: n % 2 === 0 },
    ...{ group: 'none', group_read: false, pathoscope: false, nuvs: false, quality: { bases: 'x'.repeat(500) } },
  }));
  await insert('jobs', (n) => ({
    ...{ _id: id(n), task: 'nuvs', args: { sample_id: id(n) }, proc: 1, mem: 1, user: user(n), created_at: at(n) },
    status: [{ state: 'complete', stage: null, error: null, progress: 1, timestamp: at(n) }],
  }));
  await insert('files', (n) => ({
    ...{ _id: `${id(n)}-reads.fq.gz`, name: 'reads.fq.gz', size: 1, user: user(n), uploaded_at: at(n) },
    ...{ type: 'reads', ready: true, reserved: n % 10 === 0, created: true, expires_at: null },
  }));
  await insert('otus', (n) => ({
    ...{ _id: id(n), name: `Virus ${n}`, abbreviation: `V${n}`, reference: { id: n % 3 ? 'r' : 's' } },
    ...{ verified: n % 5 !== 0, version: 0, isolates: [{ id: 'i', source_name: 'x'.repeat(200) }] },
  }));
  await insert('history', (n) => ({
    ...{ _id: `${id(n)}.0`, otu: { id: id(n), name: `Virus ${n}`, version: n % 10 ? 0 : n % 7 } },
    ...{ reference: { id: 'r' }, index: { id: 'unbuilt', version: 'unbuilt' }, created_at: at(0), user: user(n) },
    ...{ method_name: 'import', description: 'Imported', diff: [] },
  }));
  await insert('users', (n) => ({ _id: `user${n}`, administrator: false, groups: [], permissions: {} }));
}
