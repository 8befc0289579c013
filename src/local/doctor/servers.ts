import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Connection } from '@temporalio/client';
import type { MongoClient } from 'mongodb';
import { pino } from 'pino';
import { reasonOf } from '../errors.js';
import { checkoutCache } from '../install/cache.js';
import { type Servers, startServers } from '../servers/index.js';
import { type MongoFacts, readMongoFacts, withMongo, withoutPassword } from '../servers/mongo/check.js';
import { findMongo } from '../servers/mongo/programs.js';
import { findTemporal } from '../servers/temporal/programs.js';
import { type DoctorOptions, type DoctorRow, row } from './row.js';

const EVENT_LIMIT_MS = 5_000;
const CONNECT_LIMIT = '5s';
const TRIAL_CURE = 'Meant for trial. For the data of a laboratory install mongod 5.0 or newer, or give one with --db.';

/** Which servers would be used, without starting any. */
export async function checkServersQuickly(options: DoctorOptions): Promise<DoctorRow[]> {
  const setting = { cachePath: options.cachePath ?? checkoutCache(), logger: silent() };
  const mongo =
    options.mongoUrl === undefined
      ? findMongo(setting).then(({ kind, version, source }) => programRow({ kind, version, setName: 'own' }, source))
      : withMongo(options.mongoUrl, readMongoFacts).then((facts) => programRow(facts, 'given'));
  const temporal =
    options.temporalAddress === undefined
      ? findTemporal(setting).then(({ version, serverVersion, source }) =>
          row('Temporal', 'ok', `${version}, server ${serverVersion} (${source})`),
        )
      : temporalRow(options.temporalAddress, 'given');
  return Promise.all([
    mongo.catch((error: unknown) => row('MongoDB', 'fail', reasonOf(error), cureFor('--db'))),
    temporal.catch((error: unknown) => row('Temporal', 'fail', reasonOf(error), cureFor('--temporal-address'))),
  ]);
}

/** The same, with the features that we need tried out; embedded servers are started for it in a temporary folder. */
export async function checkServers(options: DoctorOptions): Promise<DoctorRow[]> {
  const { mongoUrl, temporalAddress, cachePath } = options;
  const folder = mkdtempSync(join(tmpdir(), 'virtool-doctor-'));
  let servers: Servers | undefined;
  try {
    servers = await startServers({ dataPath: folder, cachePath, mongoUrl, temporalAddress, logger: silent() });
    const [facts, features] = await withMongo(servers.mongoUrl, async (client) => [
      await readMongoFacts(client),
      await mongoFeatures(client),
    ]);
    return [
      programRow(facts, `${servers.mongo.source}, ${withoutPassword(mongoUrl ?? 'embedded')}`),
      ...features,
      await temporalRow(servers.temporalAddress, servers.temporal.source),
    ];
  } finally {
    await servers?.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

function cureFor(option: string): string {
  return `Check the address, or leave out ${option} to have a server started.`;
}

function silent() {
  return pino({ level: 'silent' });
}

function programRow(facts: MongoFacts, source: string): DoctorRow {
  const found = `${facts.kind} ${facts.version} (${source})`;
  if (facts.setName === undefined) {
    return row('MongoDB', 'fail', `${found}, no replica set`, 'Start it with --replSet and run rs.initiate() once.');
  }
  return facts.kind === 'mongod' ? row('MongoDB', 'ok', found) : row('MongoDB', 'warn', found, TRIAL_CURE);
}

/** Tries a transaction and a change stream in a database of its own. */
async function mongoFeatures(client: MongoClient): Promise<DoctorRow[]> {
  const name = `virtool_doctor_${randomBytes(4).toString('hex')}`;
  const cure = 'Use a replica set of MongoDB 5.0 or newer, and a user that may write.';
  const attempt = (check: string, work: Promise<string>) =>
    work.then(
      (found) => row(check, 'ok', found),
      (error: unknown) => row(check, 'fail', reasonOf(error), cure),
    );
  try {
    await client.db(name).createCollection('trial');
    return [
      await attempt('MongoDB transactions', tryTransaction(client, name)),
      await attempt('MongoDB change streams', tryChangeStream(client, name)),
    ];
  } finally {
    await client.db(name).dropDatabase();
  }
}

async function tryTransaction(client: MongoClient, name: string): Promise<string> {
  const trial = client.db(name).collection('trial');
  await client.withSession((session) =>
    session.withTransaction(async () => {
      await trial.insertOne({ kind: 'first' }, { session });
      await trial.insertOne({ kind: 'second' }, { session });
    }),
  );
  const count = await trial.countDocuments();
  if (count !== 2) throw new Error(`${count} of 2 documents were written`);
  return 'two documents written at once';
}

async function tryChangeStream(client: MongoClient, name: string): Promise<string> {
  const stream = client.db(name).watch([], { maxAwaitTimeMS: 200 });
  try {
    // Asking once opens the stream; only what happens afterwards is seen.
    await stream.tryNext();
    const begin = Date.now();
    await client.db(name).collection('trial').insertOne({ kind: 'watched' });
    while ((await stream.tryNext()) === null) {
      if (Date.now() - begin > EVENT_LIMIT_MS) throw new Error(`no event within ${EVENT_LIMIT_MS / 1000} s`);
    }
    return `an event after ${Date.now() - begin} ms`;
  } finally {
    await stream.close();
  }
}

async function temporalRow(address: string, source: string): Promise<DoctorRow> {
  // A supervisor that only looks at given addresses at start would keep these 35 MB for ever.
  const client = await import('@temporalio/client');
  let connection: Connection | undefined;
  try {
    connection = await client.Connection.connect({ address, connectTimeout: CONNECT_LIMIT });
    const { serverVersion } = await connection.workflowService.getSystemInfo({});
    return row('Temporal', 'ok', `server ${serverVersion} at ${address} (${source})`);
  } catch (error) {
    return row('Temporal', 'fail', `${address}: ${reasonOf(error)}`, cureFor('--temporal-address'));
  } finally {
    await connection?.close();
  }
}
