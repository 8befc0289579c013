import { join } from 'node:path';
import type { CommandStartedEvent } from 'mongodb';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startChangeFeed } from '../../../src/store/database/change_feed.js';
import { type Database, openDatabase } from '../../../src/store/database/database.js';
import { ensureIndexes } from '../../../src/store/database/indexes.js';
import { createStore, type Store } from '../../../src/store/index.js';
import { createDocumentRepairs } from '../../../src/store/start_up.js';
import { COMMANDS, COMMON_KEYS, CONCERNS, OPERATORS, operatorsInCode } from '../../support/operators.js';
import { type TestDatabase, testDatabase } from '../../support/servers.js';
import { waitFor } from '../../support/wait.js';

/** The one that the README asks for. */
const OLDEST_SERVER = '5.0';

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
  const used = operatorsInCode(join(import.meta.dirname, '../../../src'));
  const unknown = [...used].filter(([name]) => !(name in OPERATORS)).map(([name, file]) => `${name} in ${file}`);
  expect(unknown).toEqual([]);
  expect(Object.entries(OPERATORS).filter(([, version]) => later(version, OLDEST_SERVER))).toEqual([]);
  expect(Object.keys(OPERATORS).filter((name) => !used.has(name))).toEqual([]);
});

test('every command has only keys that a server of API version 1 accepts', () => {
  const names = new Set(sent.map(({ commandName }) => commandName));
  for (const name of [
    'find',
    'aggregate',
    'update',
    'findAndModify',
    'getMore',
    'commitTransaction',
    'abortTransaction',
  ]) {
    expect(names).toContain(name);
  }
  const odd = sent.flatMap(({ commandName, command }) => {
    const known: readonly string[] = [commandName, ...(COMMANDS[commandName] ?? []), ...COMMON_KEYS, ...CONCERNS];
    const unknown =
      commandName in COMMANDS ? Object.keys(command).filter((key) => !known.includes(key)) : ['all of it'];
    return unknown.map((key) => `${commandName}: ${key}`);
  });
  expect([...new Set(odd)]).toEqual([]);
});

test('inside of a transaction no command has a concern of its own, makes a collection or an index, or reads the change stream', () => {
  const inside = sent.filter(({ command }) => command.autocommit === false);
  expect(inside.length).toBeGreaterThan(3);
  const ends = ['commitTransaction', 'abortTransaction'];
  for (const { commandName, command } of inside) {
    const allowed = ['find', 'insert', 'update', 'delete', 'findAndModify', 'aggregate', 'getMore', ...ends];
    expect(allowed).toContain(commandName);
    if (!ends.includes(commandName)) expect(command).not.toHaveProperty('writeConcern');
    if (command.startTransaction !== true) expect(command).not.toHaveProperty('readConcern');
    expect(JSON.stringify(command.pipeline ?? [])).not.toContain('$changeStream');
  }
});

test('no text index, no collation, no script and no regular expression of the language is sent', () => {
  for (const { command } of sent) {
    const text = JSON.stringify(command, (_key, value) => (value instanceof RegExp ? 'a regular expression' : value));
    expect(text).not.toMatch(/"(collation|\$where|\$function|\$text)"|a regular expression/);
  }
});
