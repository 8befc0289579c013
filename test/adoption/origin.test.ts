import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { findObstacle } from '../../src/adoption/origin.js';
import { type Database, openDatabase } from '../../src/store/database/database.js';
import { testFolder } from '../support/folders.js';
import { type TestDatabase, testDatabase } from '../support/servers.js';
import { buildOldInstallation } from './old_installation.js';
import { dumpDatabase, siteOf } from './site.js';

let temporary: TestDatabase;
let database: Database;
let dataPath: string;
beforeEach(async () => {
  temporary = await testDatabase();
  dataPath = testFolder();
  await buildOldInstallation(temporary.db, dataPath);
  database = await openDatabase({ url: temporary.url, name: temporary.name });
});
afterEach(async () => {
  await database.close();
  await temporary.dispose();
});

const look = (path = dataPath) => findObstacle(siteOf(database, path).site, 'v0.1.0');
const setVersion = (version: unknown) =>
  temporary.db.collection<{ _id: string }>('status').updateOne({ _id: 'software' }, { $set: { version } });

test('what release 3.7.3 left has no obstacle, and looking for one writes nothing', async () => {
  const before = await dumpDatabase(temporary.db);
  expect(await look()).toBeUndefined();
  expect(await dumpDatabase(temporary.db)).toEqual(before);
});

test.each(['v3.0.0', 'v3.7.3', '3.7.12', 'v0.1.0', 'Unknown'])('version %s can be adopted', async (version) => {
  await setVersion(version);
  expect(await look()).toBeUndefined();
});

test.each(['v3.8.0', 'v3.8.0-alpha.1', 'v4.2.0', '10.0.0', 'v0.2.0'])(
  'version %s is newer, and refused',
  async (version) => {
    await setVersion(version);
    expect(await look()).toMatchObject({
      problem: expect.stringContaining(`newer release than can be adopted: version ${version}`),
    });
  },
);

test('a database without a version that has collections of later releases is refused', async () => {
  await setVersion('Unknown');
  await temporary.db.collection('labels').insertOne({ name: 'x' });
  expect(await look()).toMatchObject({ problem: expect.stringContaining('collection labels') });
});

test('version 2 is too old, and the cure is release 3.7.3', async () => {
  await setVersion('v2.1.0');
  expect(await look()).toMatchObject({
    problem: expect.stringContaining('too old'),
    cure: expect.stringContaining('3.7.3'),
  });
});

test('a database that is not one of Virtool is refused, and so is an empty one', async () => {
  await temporary.db.dropDatabase();
  expect(await look()).toMatchObject({ problem: expect.stringContaining('not one of Virtool, or it is empty') });
  await temporary.db.collection('users').insertOne({ name: 'somebody' });
  expect(await look()).toMatchObject({ problem: expect.stringContaining('not one of Virtool') });
});

test('a folder without those of a data directory is refused', async () => {
  expect(await look(testFolder())).toMatchObject({ problem: expect.stringContaining('has no folder files') });
});

test('a data directory of another database, or with a disk that is not mounted, is refused', async () => {
  rmSync(join(dataPath, 'samples'), { recursive: true });
  mkdirSync(join(dataPath, 'samples', 'otherone'), { recursive: true });
  expect(await look()).toMatchObject({ problem: expect.stringContaining('samples of the database do not lie in') });
});

test('an empty folder of uploads is refused while the database knows some', async () => {
  rmSync(join(dataPath, 'files'), { recursive: true });
  mkdirSync(join(dataPath, 'files'));
  expect(await look()).toMatchObject({ problem: expect.stringContaining('is empty, but the database knows uploads') });
});
