import { startChangeFeed } from '../../src/store/database/change_feed.js';
import type { CollectionName, Database } from '../../src/store/database/database.js';

const KEPT = ['samples', 'jobs', 'files', 'otus', 'history', 'users'] as const satisfies CollectionName[];

/** Lets the kept lists of a database follow its changes, and loads them all; `stop` ends that. */
export async function followLists(database: Database): Promise<{ stop(): Promise<void> }> {
  const feed = startChangeFeed(database, {
    collections: KEPT,
    onBatch: async () => undefined,
    onTrouble: () => undefined,
    follower: database.kept.follower,
  });
  await feed.opened;
  await loadLists(database);
  return { stop: () => feed.close() };
}

/** Loads all kept lists, so that they answer the next question. */
export async function loadLists(database: Database): Promise<void> {
  for (const name of KEPT) await database.kept.of(name).selectAnyhow({ filter: {}, order: [['_id', 1]] });
}
