import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CommandStartedEvent } from 'mongodb';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startChangeFeed } from '../../../src/store/database/change_feed.js';
import { type Database, openDatabase } from '../../../src/store/database/database.js';
import { ensureIndexes } from '../../../src/store/database/indexes.js';
import { createStore, type Store } from '../../../src/store/index.js';
import { createDocumentRepairs } from '../../../src/store/start_up.js';
import { OF_TESTS, objections } from '../../support/command_rules.js';
import { OPERATORS, operatorsInCode } from '../../support/operators.js';
import { type TestDatabase, testDatabase } from '../../support/servers.js';
import { waitFor } from '../../support/wait.js';

/** The one that the README asks for. */
const OLDEST_SERVER = '5.0';
const SOURCES = join(import.meta.dirname, '../../../src');
const ENDS = ['commitTransaction', 'abortTransaction'];

let raw: TestDatabase;
let database: Database;
let store: Store;
const sent: CommandStartedEvent[] = [];
beforeAll(async () => {
  raw = await testDatabase();
  database = await openDatabase({ url: raw.url, name: raw.name, monitorCommands: true });
  database.client.on('commandStarted', (event: CommandStartedEvent) => sent.push(event));
  store = createStore(database);
  await ensureIndexes(database);
  await store.settings.ensure();
  let batches = 0;
  const feed = startChangeFeed(database, {
    collections: ['jobs', 'users'],
    onBatch: async () => {
      batches += 1;
    },
    onTrouble: () => undefined,
  });
  await feed.opened;
  await store.users.insert({ id: 'bob', passwordHash: 'x', administrator: false, forceReset: false });
  await database.transaction(async (session) => {
    await store.jobs.insert({ _id: 'j', task: 'nuvs', args: {}, proc: 1, mem: 1, userId: 'bob' }, session);
    await store.files.releaseFromAll(['f'], session);
    await store.jobs.collection.findOne({ _id: 'j' }, { session });
  });
  const undone = database.transaction(async (session) => {
    await store.jobs.insert({ _id: 'k', task: 'nuvs', args: {}, proc: 1, mem: 1, userId: 'bob' }, session);
    throw new Error('undone');
  });
  await expect(undone).rejects.toThrow('undone');
  await store.jobs.startStep('j', 'nuvs', 0.1);
  await store.jobs.addNote('j', { stage: 'nuvs', text: 'note' });
  for (const repair of Object.values(createDocumentRepairs(store))) await repair();
  await store.samples.list(
    { userId: 'bob', administrator: false, groups: ['g'] },
    { pathoscope: [true], nuvs: [] },
    {
      page: 1,
      perPage: 25,
    },
  );
  await store.samples.setRights('s', { all_read: true });
  await store.history.countUnbuilt(['r']);
  await store.samples.remove('s');
  await store.users.remove('bob');
  await waitFor(() => batches > 0, 'a batch of the change feed');
  await feed.close();
});
afterAll(async () => {
  await database.close();
  await raw.dispose();
});

const later = (a: string, b: string) => a.localeCompare(b, 'en', { numeric: true }) > 0;

test('every operator in the code is looked up, and known to the oldest server', () => {
  const used = operatorsInCode(SOURCES);
  const unknown = [...used].filter(([name]) => !(name in OPERATORS)).map(([name, file]) => `${name} in ${file}`);
  expect(unknown).toEqual([]);
  expect(Object.entries(OPERATORS).filter(([, version]) => later(version, OLDEST_SERVER))).toEqual([]);
  expect(Object.keys(OPERATORS).filter((name) => !used.has(name))).toEqual([]);
});

test('of all commands of a walk through the stores a server has nothing to object to', () => {
  const names = new Set(sent.map(({ commandName }) => commandName));
  for (const name of ['find', 'aggregate', 'update', 'findAndModify', 'getMore', ...ENDS])
    expect(names).toContain(name);
  expect(sent.filter(({ command }) => command.autocommit === false).length).toBeGreaterThan(3);
  expect([...new Set(sent.flatMap(objections))]).toEqual([]);
});

test.each<[string, string, Record<string, unknown>]>([
  ['an unknown command', 'mapReduce', {}],
  ['an unknown key', 'find', { filter: {}, hint: 'x' }],
  ['an unknown operator', 'update', { updates: [{ q: {}, u: { $bit: {} } }] }],
  ['a collation', 'find', { filter: {}, collation: { locale: 'en' } }],
  ['a pattern', 'find', { filter: { name: /a/ } }],
  ['an index in a transaction', 'createIndexes', { indexes: [], autocommit: false }],
  ['a concern in a transaction', 'insert', { documents: [], autocommit: false, writeConcern: { w: 1 } }],
  ['a late read concern', 'find', { filter: {}, autocommit: false, readConcern: { level: 'snapshot' } }],
])('%s is objected to', (_, commandName, command) => {
  expect(objections({ commandName, command: { [commandName]: 'x', ...command } })).not.toEqual([]);
});

test('what only tests send is not in the code', () => {
  const sources = readdirSync(SOURCES, { recursive: true, encoding: 'utf8' }).filter((name) =>
    /^(store|api|activities|adoption|workers)\/.*\.ts$/.test(name),
  );
  const used = sources.filter((name) =>
    OF_TESTS.some((command) => readFileSync(join(SOURCES, name), 'utf8').includes(`.${command}(`)),
  );
  expect(used).toEqual([]);
});
