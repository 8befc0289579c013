import { resolve } from 'node:path';
import type { Logger } from 'pino';
import { LocalError, reasonOf } from '../errors.js';
import { checkoutCache } from '../install/cache.js';
import { requireRoom, requireWritable, takeDataFolder } from '../machine/data_folder.js';
import type { Lock } from '../machine/lock.js';
import { answersConnect, parseAddress } from '../machine/ports.js';
import { announce, type Keeper, keepRunning, type ProcessEvent } from '../processes/keeper.js';
import { endLeftovers, type ProcessHome } from '../processes/process.js';
import { startTogether } from '../processes/start_together.js';
import { requireMongo, withoutPassword } from './mongo/check.js';
import { planMongo } from './mongo/plan.js';
import { planTemporal } from './temporal/plan.js';

/** What to start, where, and which servers are there already. */
export type ServerOptions = {
  dataPath: string;
  /** Where downloaded servers are kept; default `VT_CACHE_PATH`, else `.local` of the checkout. */
  cachePath?: string | undefined;
  mongoUrl?: string | undefined;
  temporalAddress?: string | undefined;
  ports?: { temporalUi?: number | undefined };
  /** With Temporal's web pages. */
  ui?: boolean;
  /** `false` gives up the newest writes at a crash, for speed in tests. */
  durable?: boolean;
  logger: Logger;
  onEvent?(event: ProcessEvent): void;
  /** Ends the tries to start something, with its reason. */
  signal?: AbortSignal;
};

/** Which server is used; `given` means that the user named it. */
export type ServerFacts<Kind extends string> = { kind: Kind; version: string; source: string };

/** MongoDB and Temporal, ready for use. */
export type Servers = {
  mongoUrl: string;
  temporalAddress: string;
  temporalUiUrl?: string;
  mongo: ServerFacts<'mongod' | 'secantusdb'>;
  temporal: ServerFacts<'embedded' | 'given'>;
  /** The embedded processes, in the order in which they end. */
  keepers: readonly Keeper[];
  /** To be called when one of our own processes died: frees what it had locked in the database. */
  afterCrash(): Promise<void>;
  /** Ends what was started, and gives the data folder back. */
  stop(): Promise<void>;
  /** The same at once and without waiting, with SIGKILL. */
  kill(): void;
};

/**
 * Finds or installs and starts MongoDB and Temporal, unless given. Only one process at a time may do so for a
 * data folder. They die with this process, however it ends. What dies while it starts is tried again; throws `LocalError`, with nothing left
 * running, on what does not pass by itself.
 */
export async function startServers(options: ServerOptions): Promise<Servers> {
  const dataPath = resolve(options.dataPath);
  requireWritable(dataPath);
  requireRoom(dataPath);
  const lock = takeDataFolder(dataPath);
  const started: Keeper[] = [];
  const stop = async () => {
    try {
      for (const keeper of started.toSorted(byEndOrder)) await keeper.stop();
    } finally {
      lock.release();
    }
  };
  try {
    return await startBoth({ ...options, dataPath }, lock, started, stop);
  } catch (error) {
    await stop();
    throw error;
  }
}

const END_ORDER = ['temporal', 'mongodb'];

function byEndOrder(a: Keeper, b: Keeper): number {
  return END_ORDER.indexOf(a.name) - END_ORDER.indexOf(b.name);
}

type Part<Facts> = { facts: Facts; at: string; uiUrl?: string; afterCrash?(): Promise<void> };

async function startBoth(
  options: ServerOptions,
  lock: Lock,
  started: Keeper[],
  stop: () => Promise<void>,
): Promise<Servers> {
  const { dataPath, logger } = options;
  for (const name of await endLeftovers(dataPath, ['supervisor']))
    logger.warn(`Ended ${name}, left over by an earlier run`);
  const context: Context = {
    ...options,
    cachePath: options.cachePath ?? checkoutCache(),
    durable: options.durable ?? true,
    ui: options.ui ?? false,
    home: { dataPath, onFault: (error) => logger.error(`A log file cannot be written: ${reasonOf(error)}`) },
    started,
  };
  const [mongo, temporal] = await startTogether<[Part<Servers['mongo']>, Part<Servers['temporal']>]>(
    [(signal) => startMongo(context, signal), (signal) => startTemporal(context, signal)],
    options.signal,
  );
  if (mongo.status === 'rejected') throw mongo.reason;
  if (temporal.status === 'rejected') throw temporal.reason;
  return {
    mongoUrl: mongo.value.at,
    temporalAddress: temporal.value.at,
    ...(temporal.value.uiUrl === undefined ? {} : { temporalUiUrl: temporal.value.uiUrl }),
    mongo: mongo.value.facts,
    temporal: temporal.value.facts,
    keepers: started.toSorted(byEndOrder),
    afterCrash: async () => mongo.value.afterCrash?.(),
    stop,
    kill() {
      for (const keeper of started) keeper.kill();
      lock.release();
    },
  };
}

type Context = ServerOptions & {
  cachePath: string;
  durable: boolean;
  ui: boolean;
  home: ProcessHome;
  started: Keeper[];
};

async function startMongo(context: Context, signal: AbortSignal): Promise<Part<Servers['mongo']>> {
  const { mongoUrl, logger } = context;
  if (mongoUrl !== undefined) {
    const facts = await requireMongo(mongoUrl);
    logger.info(`MongoDB: ${facts.kind} ${facts.version} at ${withoutPassword(mongoUrl)} (given)`);
    return { at: mongoUrl, facts: { kind: facts.kind, version: facts.version, source: 'given' } };
  }
  const plan = await planMongo(context);
  context.started.push(
    await keepRunning(
      plan.spec,
      context.home,
      { onEvent: (event) => announce(event, context), afterRestart: plan.afterCrash },
      signal,
    ),
  );
  logger.info(`MongoDB: ${plan.kind} ${plan.version} (${plan.source}) at ${plan.url}`);
  if (plan.kind === 'secantusdb') {
    logger.warn(
      'This database server speaks the protocol of MongoDB but is a beta: it is meant for trial, not for the data of a laboratory. ' +
        'For a real one, install mongod (5.0 or newer) and start with an empty data directory, or give its address with --db or VT_DB_CONNECTION_STRING.',
    );
  }
  const { kind, version, source, url, afterCrash } = plan;
  return { at: url, facts: { kind, version, source }, afterCrash };
}

async function startTemporal(context: Context, signal: AbortSignal): Promise<Part<Servers['temporal']>> {
  const { temporalAddress, logger } = context;
  if (temporalAddress !== undefined) {
    await requireTemporal(temporalAddress);
    logger.info(`Temporal: ${temporalAddress} (given)`);
    return { at: temporalAddress, facts: { kind: 'given', version: 'unknown', source: 'given' } };
  }
  const plan = await planTemporal({ ...context, uiPort: context.ports?.temporalUi });
  context.started.push(
    await keepRunning(plan.spec, context.home, { onEvent: (event) => announce(event, context) }, signal),
  );
  const pages = plan.uiUrl === undefined ? '' : `, web pages at ${plan.uiUrl}`;
  logger.info(`Temporal: ${plan.version} (${plan.source}) at ${plan.address}${pages}`);
  return {
    at: plan.address,
    facts: { kind: 'embedded', version: plan.version, source: plan.source },
    ...(plan.uiUrl === undefined ? {} : { uiUrl: plan.uiUrl }),
  };
}

const GIVEN_LIMIT_MS = 5_000;

async function requireTemporal(address: string): Promise<void> {
  const parsed = parseAddress(address);
  if (parsed === undefined) {
    throw new LocalError(`"${address}" is not an address of a Temporal server`, [
      'Give it as HOST:PORT, e.g. localhost:7233.',
    ]);
  }
  if (!(await answersConnect(parsed.host, parsed.port, GIVEN_LIMIT_MS))) {
    throw new LocalError(`Temporal at ${address} cannot be reached`, [
      'Check the address given with --temporal-address (VT_TEMPORAL_ADDRESS) and that the server runs.',
    ]);
  }
}
