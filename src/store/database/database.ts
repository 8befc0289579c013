import { type ClientSession, type Collection, type Db, MongoClient } from 'mongodb';
import type { CollectionName, Stored } from './collections.js';
import { createKeptLists, type KeptLists } from './kept_lists.js';
import { tellCommitted, tellWrites } from './own_writes.js';

export { COLLECTIONS, type CollectionName, type Stored } from './collections.js';

/** An open database and what all store modules need of it. */
export type Database = {
  client: MongoClient;
  db: Db;
  /** Whether the server keeps a replica set, which change streams and transactions need; its name, or undefined. */
  setName: string | undefined;
  /** A collection; `kept` learns of what is written through it, so nothing is written in another way. */
  collection<T extends Stored>(name: CollectionName): Collection<T>;
  /** What decides about large lists, in memory. */
  kept: KeptLists;
  /**
   * Runs the work in a transaction, again when the server asks for it; so the work has no effect outside the database.
   * Every call inside must be given the session.
   */
  transaction<T>(work: (session: ClientSession) => Promise<T>): Promise<T>;
  close(): Promise<void>;
};

/**
 * Connects and checks that the server keeps a replica set.
 *
 * @throws Error with a sentence for the operator when the server does not answer within `timeoutMs`.
 */
export async function openDatabase(options: {
  url: string;
  name: string;
  timeoutMs?: number;
  /** Lets `client` tell of every command that it sends. */
  monitorCommands?: boolean;
}): Promise<Database> {
  const client = new MongoClient(options.url, {
    serverSelectionTimeoutMS: options.timeoutMs ?? 6_000,
    maxPoolSize: 20,
    writeConcern: { w: 'majority' },
    ignoreUndefined: true,
    monitorCommands: options.monitorCommands ?? false,
  });
  try {
    await client.connect();
    const hello = await client.db('admin').command({ hello: 1 });
    const db = client.db(options.name);
    const kept = createKeptLists(db);
    return {
      client,
      db,
      setName: typeof hello.setName === 'string' ? hello.setName : undefined,
      collection: <T extends Stored>(name: CollectionName) =>
        kept.has(name) ? tellWrites(db.collection<T>(name), kept.of(name).note) : db.collection<T>(name),
      kept,
      transaction: (work) =>
        client.withSession((session) =>
          session.withTransaction(() => work(session)).finally(() => tellCommitted(session)),
        ),
      close: () => client.close(),
    };
  } catch (cause) {
    await client.close().catch(() => undefined);
    throw new Error(
      `MongoDB at ${withoutPassword(options.url)} does not answer. Start it, or give another with --db.`,
      {
        cause,
      },
    );
  }
}

/** A connection string that may be shown: user and password are left out. */
function withoutPassword(url: string): string {
  return url.replace(/\/\/[^@/]*@/, '//');
}
