import { MongoClient } from 'mongodb';
import { LocalError, reasonOf } from '../../errors.js';

/** What a MongoDB server says about itself. */
export type MongoFacts = {
  version: string;
  kind: 'mongod' | 'secantusdb';
  /** Undefined for a server that is no replica set: transactions and change streams fail there. */
  setName: string | undefined;
};

const SELECT_LIMIT_MS = 3_000;
const CALL_LIMIT_MS = 10_000;

/** A client for a few checks, closed afterwards. */
export async function withMongo<T>(url: string, use: (client: MongoClient) => Promise<T>): Promise<T> {
  const client = new MongoClient(url, {
    serverSelectionTimeoutMS: SELECT_LIMIT_MS,
    socketTimeoutMS: CALL_LIMIT_MS,
    maxPoolSize: 2,
  });
  try {
    return await use(client);
  } finally {
    await client.close(true);
  }
}

/** Asks a server who it is. Throws what the driver throws. */
export async function readMongoFacts(client: MongoClient): Promise<MongoFacts> {
  const admin = client.db('admin');
  const [hello, build] = await Promise.all([admin.command({ hello: 1 }), admin.command({ buildInfo: 1 })]);
  const isSecantus = hello.setName === 'secantus' || 'secantus' in build;
  return {
    version: String(build.version),
    kind: isSecantus ? 'secantusdb' : 'mongod',
    setName: typeof hello.setName === 'string' ? hello.setName : undefined,
  };
}

/** Checks a server that the user named. Throws `LocalError` when it cannot be reached or is no replica set. */
export async function requireMongo(url: string): Promise<MongoFacts> {
  const shown = withoutPassword(url);
  const facts = await withMongo(url, readMongoFacts).catch((error: unknown) => {
    throw new LocalError(
      `MongoDB at ${shown} cannot be used: ${reasonOf(error)}`,
      ['Check the address given with --db (VT_DB_CONNECTION_STRING) and that the server runs.'],
      { cause: error },
    );
  });
  if (facts.setName === undefined) {
    throw new LocalError(`MongoDB at ${shown} is not a replica set, so transactions and change streams do not work`, [
      "Start mongod with --replSet rs0 and run once: mongosh --eval 'rs.initiate()'.",
    ]);
  }
  return facts;
}

/** A connection string as it may be shown: without the password. */
export function withoutPassword(url: string): string {
  return url.replace(/^(?<scheme>mongodb(?:\+srv)?:\/\/)(?<user>[^:@/]*):[^@/]*@/, '$<scheme>$<user>:…@');
}
