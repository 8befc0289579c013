import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { MongoClient, MongoServerError } from 'mongodb';
import type { Logger } from 'pino';
import { LocalError } from '../../errors.js';
import { answersConnect, freePort } from '../../machine/ports.js';
import type { ProcessSpec } from '../../processes/process.js';
import { holdsData, surviveFirstStart } from '../new_store.js';
import { dataFolderName, findMongo, type MongoKind, type MongoProgram } from './programs.js';

/** How to run the embedded database. */
export type MongoPlan = {
  kind: MongoKind;
  version: string;
  source: string;
  url: string;
  spec: ProcessSpec;
  /** Frees documents that a killed client's transaction still holds. */
  afterCrash(): Promise<void>;
};

const READY_LIMIT_MS = 30_000;
const STOP_LIMIT_MS = 15_000;
const CALL_LIMIT_MS = 2_000;
const ALIVE_EVERY_MS = 60_000;
const ALIVE_MISSES = 2;
const REPLICA_SET = 'rs0';
const CODE_NOT_INITIALIZED = 94;
const CODE_INVALID_CONFIG = 93;

/**
 * Finds a database server that fits the data that is already there, and says how to start it.
 * `durable: false` gives up safety of the newest writes for speed, for tests.
 */
export async function planMongo(options: {
  dataPath: string;
  cachePath: string;
  durable: boolean;
  logger: Logger;
}): Promise<MongoPlan> {
  const root = join(options.dataPath, 'mongodb');
  mkdirSync(root, { recursive: true });
  const program = await findFitting(root, options);
  const dbPath = join(root, dataFolderName(program));
  const port = await freePort();
  const plan =
    program.kind === 'mongod'
      ? planMongod(program, dbPath, port)
      : planSecantus(program, dbPath, port, options.durable);
  return { ...plan, spec: surviveFirstStart(plan.spec, { folder: dbPath }) };
}

async function findFitting(
  root: string,
  { cachePath, logger }: { cachePath: string; logger: Logger },
): Promise<MongoProgram> {
  const held = readdirSync(root, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && holdsData({ folder: join(root, entry.name) }))
    .map((entry) => entry.name);
  if (held.length > 1) {
    throw new LocalError(`${root} holds data of more than one database server: ${held.join(', ')}`, [
      'Keep the folder that is in use and move the others away.',
    ]);
  }
  const [only] = held;
  if (only === undefined) return findMongo({ cachePath, logger });
  try {
    return await findMongo({ cachePath, logger, only: (program) => dataFolderName(program) === only });
  } catch (error) {
    throw new LocalError(
      `${root} holds data of ${only}, which no server found here can read`,
      [
        `Install that server again, or move ${join(root, only)} away to begin with empty data.`,
        'To move data between servers: export with mongodump while the old server runs, then mongorestore into the new one.',
      ],
      { cause: error },
    );
  }
}

function planSecantus(program: MongoProgram, dbPath: string, port: number, durable: boolean): MongoPlan {
  const url = `mongodb://127.0.0.1:${port}/`;
  return {
    kind: program.kind,
    version: program.version,
    source: program.source,
    url,
    afterCrash: () => withAdmin(url, async (admin) => void (await admin.command({ killAllSessions: [] }))),
    spec: {
      name: 'mongodb',
      command: program.path,
      // biome-ignore format: one option per pair reads better in a row
      args: ['--host', '127.0.0.1', '--port', String(port), '--storage-path', dbPath, ...(durable ? ['--sync-on-commit'] : []),
        '--log-file-max', '16MB', '--cache-size', '512M', '--oplog-max-entries', '1000000', '--oplog-retention-seconds', '86400',
        '--log-level', 'WARNING'],
      // It reads a settings file from its working folder.
      cwd: dbPath,
      ready: async () => (await answersConnect('127.0.0.1', port)) && answersPing(url),
      readyLimitMs: READY_LIMIT_MS,
      alive: { ask: () => readsData(url), everyMs: ALIVE_EVERY_MS, misses: ALIVE_MISSES },
      stopLimitMs: STOP_LIMIT_MS,
    },
  };
}

function planMongod(program: MongoProgram, dbPath: string, port: number): MongoPlan {
  const url = `mongodb://127.0.0.1:${port}/?directConnection=true`;
  return {
    kind: program.kind,
    version: program.version,
    source: program.source,
    url,
    // mongod ends transactions of dead clients itself.
    afterCrash: async () => undefined,
    spec: {
      name: 'mongodb',
      command: program.path,
      // biome-ignore format: one option per pair reads better in a row
      args: ['--bind_ip', '127.0.0.1', '--port', String(port), '--replSet', REPLICA_SET, '--dbpath', dbPath,
        '--wiredTigerCacheSizeGB', '0.5', '--nounixsocket', '--quiet'],
      cwd: dbPath,
      ready: async () => (await answersConnect('127.0.0.1', port)) && becomesPrimary(url, `127.0.0.1:${port}`),
      readyLimitMs: READY_LIMIT_MS,
      alive: { ask: () => readsData(url), everyMs: ALIVE_EVERY_MS, misses: ALIVE_MISSES },
      stopLimitMs: STOP_LIMIT_MS,
    },
  };
}

type Admin = { command(command: Record<string, unknown>): Promise<Record<string, unknown>> };

async function withAdmin<T>(url: string, use: (admin: Admin) => Promise<T>): Promise<T> {
  const client = new MongoClient(url, {
    directConnection: true,
    serverSelectionTimeoutMS: CALL_LIMIT_MS,
    connectTimeoutMS: CALL_LIMIT_MS,
    socketTimeoutMS: CALL_LIMIT_MS,
    maxPoolSize: 1,
  });
  try {
    const admin = client.db('admin');
    return await use({ command: (command) => admin.command(command) });
  } finally {
    await client.close(true);
  }
}

async function answersPing(url: string): Promise<boolean> {
  try {
    await withAdmin(url, (admin) => admin.command({ ping: 1 }));
    return true;
  } catch {
    // Not yet; the caller asks again until its limit.
    return false;
  }
}

/**
 * Whether data can be read. A storage engine that has stopped itself, of a full disk for example, leaves a server that answers pings alone. One that
 * gives no answer is only busy.
 */
async function readsData(url: string): Promise<boolean> {
  try {
    await withAdmin(url, (admin) => admin.command({ listDatabases: 1, nameOnly: true }));
    return true;
  } catch (error) {
    return !(error instanceof MongoServerError);
  }
}

async function becomesPrimary(url: string, member: string): Promise<boolean> {
  try {
    return await withAdmin(url, async (admin) => {
      await ensureOwnMember(admin, member);
      return (await admin.command({ hello: 1 })).isWritablePrimary === true;
    });
  } catch {
    return false;
  }
}

// The port is another one at each start, and a member that is not in its own configuration never becomes primary.
async function ensureOwnMember(admin: Admin, member: string): Promise<void> {
  const config = await readReplicaConfig(admin);
  if (config === undefined) {
    await admin.command({ replSetInitiate: { _id: REPLICA_SET, members: [{ _id: 0, host: member }] } });
    return;
  }
  const [first] = config.members;
  if (first === undefined || first.host === member) return;
  const moved = { ...config, version: config.version + 1, members: [{ ...first, host: member }] };
  await admin.command({ replSetReconfig: moved, force: true });
}

type ReplicaConfig = { version: number; members: { host: string }[] };

async function readReplicaConfig(admin: Admin): Promise<ReplicaConfig | undefined> {
  try {
    return (await admin.command({ replSetGetConfig: 1 })).config as ReplicaConfig;
  } catch (error) {
    if (!(error instanceof MongoServerError)) throw error;
    if (error.code === CODE_NOT_INITIALIZED) return undefined;
    if (error.code !== CODE_INVALID_CONFIG) throw error;
    throw new LocalError('the replica set configuration in the data folder is not readable', [], { cause: error });
  }
}
