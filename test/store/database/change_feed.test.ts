import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MongoNetworkError } from 'mongodb';
import { pino } from 'pino';
import { afterEach, expect, test, vi } from 'vitest';
import { checkoutCache } from '../../../src/local/install/cache.js';
import { startProcess } from '../../../src/local/processes/process.js';
import { planMongo } from '../../../src/local/servers/mongo/plan.js';
import {
  type ChangeBatch,
  type FeedOptions,
  mergeOperations,
  startChangeFeed,
} from '../../../src/store/database/change_feed.js';
import { type Database, openDatabase, type Stored } from '../../../src/store/database/database.js';
import { testDatabase } from '../../support/servers.js';

const LIMIT = { timeout: 20_000, interval: 10 };

const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

async function open(): Promise<Database> {
  const { url, name, dispose } = await testDatabase();
  const database = await openDatabase({ url, name });
  cleanUps.push(dispose, () => database.close());
  return database;
}

type Watcher = { batches: ChangeBatch[]; troubles: unknown[]; seen(): string[] };

async function watch(database: Database, onBatch: FeedOptions['onBatch'] = async () => undefined): Promise<Watcher> {
  const batches: ChangeBatch[] = [];
  const troubles: unknown[] = [];
  const feed = startChangeFeed(database, {
    collections: ['jobs', 'samples'],
    async onBatch(batch) {
      await onBatch(batch);
      batches.push(batch);
    },
    onTrouble: (error) => troubles.push(error),
  });
  cleanUps.push(() => feed.close());
  await feed.opened;
  const seen = () => batches.flatMap(({ changes }) => changes.map((c) => `${c.operation} ${c.collection} ${c.id}`));
  return { batches, troubles, seen };
}

const documents = (database: Database, name: 'jobs' | 'samples' | 'keys' = 'jobs') =>
  database.collection<Stored & { n?: number }>(name);

test('tells inserts, updates, replacements and deletions by collection and id', async () => {
  const database = await open();
  const { seen } = await watch(database);
  const steps: [() => Promise<unknown>, string][] = [
    [() => documents(database).insertOne({ _id: 'a' }), 'insert jobs a'],
    [() => documents(database).updateOne({ _id: 'a' }, { $set: { n: 1 } }), 'update jobs a'],
    [() => documents(database, 'samples').insertOne({ _id: 'a' }), 'insert samples a'],
    [() => documents(database).replaceOne({ _id: 'a' }, { n: 2 }), 'update jobs a'],
    [() => documents(database).deleteOne({ _id: 'a' }), 'delete jobs a'],
  ];
  for (const [write, expected] of steps) {
    await write();
    await vi.waitFor(() => expect(seen().at(-1)).toBe(expected), LIMIT);
  }
  expect(seen()).toEqual(steps.map(([, expected]) => expected));
});

test('collections that are not watched stay unseen', async () => {
  const database = await open();
  const { seen } = await watch(database);
  await documents(database, 'keys').insertOne({ _id: 'secret' });
  await documents(database).insertOne({ _id: 'later' });
  await vi.waitFor(() => expect(seen()).toEqual(['insert jobs later']), LIMIT);
});

test('several changes of a document in a short time are one, and documents keep the order of their first change', async () => {
  const database = await open();
  let release = () => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  const { seen } = await watch(database, () => held);
  // The second one waits for nothing, so what it has seen is under way to the first one at least.
  const free = await watch(database);
  await documents(database).insertOne({ _id: 'first' });
  await vi.waitFor(() => expect(free.seen()).toContain('insert jobs first'), LIMIT);
  const ids = ['b', 'a', 'gone'];
  for (const id of ids) await documents(database).insertOne({ _id: id });
  for (let n = 1; n <= 20; n += 1) await documents(database).updateMany({ _id: { $in: ids } }, { $set: { n } });
  await documents(database).deleteOne({ _id: 'gone' });
  await documents(database).insertOne({ _id: 'last' });
  await vi.waitFor(() => expect(free.seen()).toContain('insert jobs last'), LIMIT);
  release();
  await vi.waitFor(() => expect(seen()).toContain('insert jobs last'), LIMIT);
  const shown = seen().filter((line) => !line.endsWith('first'));
  const firstOf = (id: string) => shown.findIndex((line) => line.endsWith(` ${id}`));
  expect([firstOf('b'), firstOf('a'), firstOf('gone'), firstOf('last')].toSorted((x, y) => x - y)).toEqual(
    ['b', 'a', 'gone', 'last'].map(firstOf),
  );
  expect(shown.filter((line) => line.endsWith('gone')).at(-1)).toBe('delete jobs gone');
  expect(shown.length).toBeLessThan(20);
});

test('merging keeps what a client needs: a new document stays new, a deletion wins', () => {
  expect(mergeOperations('insert', 'update')).toBe('insert');
  expect(mergeOperations('insert', 'delete')).toBe('delete');
  expect(mergeOperations('update', 'delete')).toBe('delete');
  expect(mergeOperations('delete', 'insert')).toBe('update');
  expect(mergeOperations(undefined, 'delete')).toBe('delete');
});

test('a batch that the database interrupted comes again, one that fails otherwise does not', async () => {
  const database = await open();
  const failures: Error[] = [new MongoNetworkError('gone'), new MongoNetworkError('gone'), new Error('bug')];
  const calls: string[][] = [];
  const { seen, troubles } = await watch(database, async ({ changes }) => {
    calls.push(changes.map((change) => change.id));
    const failure = failures.shift();
    if (failure) throw failure;
  });
  await documents(database).insertOne({ _id: 'a' });
  await vi.waitFor(() => expect(calls).toEqual([['a'], ['a'], ['a']]), LIMIT);
  await documents(database).insertOne({ _id: 'b' });
  await vi.waitFor(() => expect(seen()).toEqual(['insert jobs b']), LIMIT);
  expect(troubles).toHaveLength(3);
});

test('when the server cannot resume, everything counts as changed and the feed goes on', async () => {
  const database = await open();
  const { seen, batches } = await watch(database);
  await documents(database).insertOne({ _id: 'a' });
  await vi.waitFor(() => expect(seen()).toEqual(['insert jobs a']), LIMIT);
  await database.db.dropDatabase();
  await vi.waitFor(() => expect(batches.some((batch) => batch.lost)).toBe(true), LIMIT);
  await documents(database).insertOne({ _id: 'b' });
  await vi.waitFor(() => expect(seen()).toContain('insert jobs b'), LIMIT);
});

// A database that is killed and comes back must not cost the browsers a message.
test('changes around a kill of the database server are all seen', { timeout: 90_000 }, async () => {
  const dataPath = mkdtempSync(join(tmpdir(), 'virtool-test-feed-'));
  cleanUps.push(() => rmSync(dataPath, { recursive: true, force: true }));
  const home = { dataPath, onFault: () => undefined };
  const plan = await planMongo({
    dataPath,
    cachePath: checkoutCache(),
    durable: true,
    logger: pino({ level: 'silent' }),
  });
  const first = await startProcess(plan.spec, home);
  cleanUps.push(() => first.stop());
  const database = await openDatabase({ url: plan.url, name: 'feed', timeoutMs: 500 });
  cleanUps.push(() => database.close());
  const { seen, batches, troubles } = await watch(database);
  await documents(database).insertOne({ _id: 'before' });
  await vi.waitFor(() => expect(seen()).toEqual(['insert jobs before']), LIMIT);

  first.kill();
  await first.exited;
  // Long enough for the driver to give up, so that the feed itself has to go on where it was.
  await vi.waitFor(() => expect(troubles.length).toBeGreaterThan(3), LIMIT);
  const second = await startProcess(plan.spec, home);
  cleanUps.push(() => second.stop());
  await vi.waitFor(() => documents(database).insertOne({ _id: 'after' }), LIMIT);
  await vi.waitFor(() => expect(seen()).toContain('insert jobs after'), LIMIT);
  expect(batches.every((batch) => !batch.lost)).toBe(true);
});
