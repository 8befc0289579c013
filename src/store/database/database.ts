import { type ClientSession, type Collection, type Db, MongoClient } from 'mongodb';

/** A document whose id is text, as in every collection of ours. */
export type Stored = { _id: string };

/** An open database and what all store modules need of it. */
export type Database = {
  client: MongoClient;
  db: Db;
  /** Whether the server keeps a replica set, which change streams and transactions need; its name, or undefined. */
  setName: string | undefined;
  collection<T extends Stored>(name: CollectionName): Collection<T>;
  /**
   * Runs the work in a transaction, again when the server asks for it; so the work has no effect outside the database.
   * Every call inside must be given the session.
   */
  transaction<T>(work: (session: ClientSession) => Promise<T>): Promise<T>;
  close(): Promise<void>;
};

/** Every collection of the server. */
export const COLLECTIONS = [
  'analyses',
  'audit',
  'caches',
  'files',
  'groups',
  'history',
  'hmm',
  'indexes',
  'jobs',
  'keys',
  'locks',
  'login_attempts',
  'otus',
  'processes',
  'references',
  'samples',
  'sequences',
  'sessions',
  'settings',
  'status',
  'subtraction',
  'users',
] as const;
export type CollectionName = (typeof COLLECTIONS)[number];

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
    return {
      client,
      db,
      setName: typeof hello.setName === 'string' ? hello.setName : undefined,
      collection: <T extends Stored>(name: CollectionName) => db.collection<T>(name),
      transaction: (work) => client.withSession((session) => session.withTransaction(() => work(session))),
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
