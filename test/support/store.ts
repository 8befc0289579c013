import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ActivityDeps } from '../../src/activities/deps.js';
import { createDataDirectory, type DataDirectory } from '../../src/files/data_directory.js';
import { createIndexFiles } from '../../src/files/index_files.js';
import { createStore, type Store } from '../../src/store/index.js';
import { openWatchedDatabase } from './command_rules.js';
import { quietLogger } from './logger.js';
import { testDatabase } from './servers.js';

/** The store on an empty database, and an empty data directory. */
export type TestStore = { store: Store; data: DataDirectory; dispose(): Promise<void> };

/**
 * Builds the store modules on a database of their own and a data directory in the temporary folder. More of an index than
 * `largestInDocument` lies in files.
 */
export async function testStore(options: { largestInDocument?: number } = {}): Promise<TestStore> {
  const raw = await testDatabase();
  const database = await openWatchedDatabase({ url: raw.url, name: raw.name });
  const folder = await mkdtemp(join(tmpdir(), 'virtool-data-'));
  const data = createDataDirectory(folder);
  await data.create();
  return {
    store: createStore(database, createIndexFiles(data, options.largestInDocument)),
    data,
    async dispose() {
      await database.close();
      await raw.dispose();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** What activities are built from, on a {@link testStore}. */
export async function testActivityDeps(): Promise<{ deps: ActivityDeps; dispose(): Promise<void> }> {
  const { store, data, dispose } = await testStore();
  return { deps: { store, data, log: quietLogger }, dispose };
}
