import { MongoClient } from 'mongodb';
import { openDatabase } from '../src/store/database/database.js';
import { ensureIndexes } from '../src/store/database/indexes.js';
import { createStore } from '../src/store/index.js';
import { printTable, quantile } from './table.js';

const DOCUMENTS = 100_000;
const CHANGES = 50_000;
const BATCH = 2_000;
const ROUNDS = 20;
const NAME = 'bench_lists';
const PAGE = { page: 1, perPage: 25 };
const HEAD = { userId: 'head', administrator: true, groups: [] };
const ANY = { pathoscope: [], nuvs: [] };

/** Times the lists of a large database, without and with `find`, beside the bare query of a page. */
export async function benchLists(databaseUrl: string): Promise<void> {
  const client = await MongoClient.connect(databaseUrl);
  const database = await openDatabase({ url: databaseUrl, name: NAME });
  try {
    await ensureIndexes(database);
    const store = createStore(database);
    await fill(client);
    const db = client.db(NAME);
    const bare = (name: string, sort: Record<string, 1 | -1>) => () =>
      db.collection(name).find().sort(sort).limit(25).project({ _id: 1 }).toArray();
    const rows: [string, () => Promise<unknown>, (() => Promise<unknown>) | undefined, () => Promise<unknown>][] = [
      [
        'samples',
        () => store.samples.list(HEAD, ANY, PAGE),
        () => store.samples.list(HEAD, { ...ANY, find: 'leaf 99' }, PAGE),
        bare('samples', { created_at: -1, _id: 1 }),
      ],
      [
        'jobs',
        () => store.jobs.list({}, undefined, PAGE),
        () => store.jobs.list({}, 'user4', PAGE),
        bare('jobs', { created_at: 1, _id: 1 }),
      ],
      [
        'history',
        () => store.history.list({ scope: 'all' }, PAGE),
        undefined,
        bare('history', { 'otu.version': -1, created_at: -1, _id: 1 }),
      ],
    ];
    const table: string[][] = [];
    for (const [name, plain, search, query] of rows) {
      await plain();
      table.push([name, await p95(plain, ROUNDS), search ? await p95(search, 3) : '-', await p95(query, 3)]);
    }
    printTable('Lists, p95 in ms', ['list', 'page', 'with find', 'bare query of a page'], table);
  } finally {
    await database.db.dropDatabase();
    await database.close();
    await client.close();
  }
}

async function p95(work: () => Promise<unknown>, rounds: number): Promise<string> {
  const times: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const begin = performance.now();
    await work();
    times.push(performance.now() - begin);
  }
  return quantile(times, 0.95).toFixed(1);
}

async function fill(client: MongoClient): Promise<void> {
  const db = client.db(NAME);
  const at = (number: number) => new Date(1.6e12 + number * 60_000);
  const user = (number: number) => ({ id: `user${number % 50}` });
  const id = (number: number) => `d${((number * 7_919) % 100_003).toString(36).padStart(7, '0')}`;
  const insert = async (name: string, count: number, make: (number: number) => object) => {
    for (let start = 0; start < count; start += BATCH) {
      await db.collection(name).insertMany(Array.from({ length: BATCH }, (_, n) => make(start + n)));
    }
  };
  await insert('samples', DOCUMENTS, (n) => ({
    ...{ _id: id(n), name: `Leaf ${n}`, host: 'Malus', user: user(n), created_at: at(n), all_read: n % 2 === 0 },
    ...{ find: [`leaf ${n}`, 'malus', `user${n % 50}`], quality: { bases: 'x'.repeat(500) } },
  }));
  await insert('jobs', DOCUMENTS, (n) => ({
    ...{ _id: id(n), task: 'nuvs', args: { sample_id: id(n) }, proc: 1, mem: 1, user: user(n), created_at: at(n) },
    status: [{ state: 'complete', stage: null, error: null, progress: 1, timestamp: at(n) }],
  }));
  await insert('history', CHANGES, (n) => ({
    ...{ _id: `${id(n)}.0`, otu: { id: id(n), name: `Virus ${n}`, version: n % 10 ? 0 : n % 7 } },
    ...{ reference: { id: 'r' }, index: { id: 'unbuilt', version: 'unbuilt' }, created_at: at(0), user: user(n) },
    ...{ method_name: 'import', description: 'Imported', diff: [] },
  }));
}
