import { setTimeout as sleep } from 'node:timers/promises';
import { serverVersion } from '../api/version.js';
import { type Config, ConfigError } from '../config.js';
import type { RemoteServices } from '../contracts/remote.js';
import { createDataDirectory } from '../files/data_directory.js';
import { createIndexFiles } from '../files/index_files.js';
import type { Logger } from '../log.js';
import { createRemoteServices } from '../remote/index.js';
import { createSend } from '../remote/send.js';
import { type Database, openDatabase } from '../store/database/database.js';
import { createStore } from '../store/index.js';

const LONGEST_WAIT_MS = 5_000;

/** What the processes print when they are up; the supervisor waits for it. */
export const READY = 'virtool process is ready';

/** Tells the supervisor that this process is up. */
export function announceReady(log: Logger, facts: Record<string, unknown> = {}): void {
  log.info(facts, READY);
}

/** The address that processes of ours use; a process that is started alone must be told. */
export function requireAddress(config: Config, name: 'db' | 'temporal_address'): string {
  const value = config[name];
  if (value) return value;
  const option = name === 'db' ? '--db' : '--temporal-address';
  throw new ConfigError(`${option} is needed here: only "virtool start" starts servers of its own.`);
}

/** Database, store and data directory of a process. Waits for the database until the signal says stop. */
export async function openStore(config: Config, log: Logger, signal: AbortSignal) {
  const database = await connect(config, log, signal);
  const data = createDataDirectory(config.data_path);
  await data.create();
  return { database, data, store: createStore(database, createIndexFiles(data)) };
}

/** The services outside, at the configured addresses. */
export function createRemote(config: Config): RemoteServices {
  return createRemoteServices(
    { userAgent: `virtool/${serverVersion(config)}`, send: createSend(config.proxy) },
    {
      githubUrl: config.github_url,
      softwareUrl: config.software_url,
      blastUrl: config.blast_url,
      genbankUrl: config.genbank_url,
      genbankEmail: config.genbank_email,
    },
  );
}

async function connect(config: Config, log: Logger, signal: AbortSignal): Promise<Database> {
  const url = requireAddress(config, 'db');
  for (let wait = 200; ; wait = Math.min(2 * wait, LONGEST_WAIT_MS)) {
    try {
      return await openDatabase({ url, name: config.db_name });
    } catch (error) {
      signal.throwIfAborted();
      // One line: it comes every few seconds.
      log.warn({ reason: (error as Error).message.split('\n')[0] }, 'database does not answer, trying again');
      await sleep(wait, undefined, { signal });
    }
  }
}

/** A signal that is aborted by SIGTERM, SIGINT or SIGHUP. */
export function untilSignal(): AbortSignal {
  const stop = new AbortController();
  for (const name of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(name, () => stop.abort(new Error(name)));
  return stop.signal;
}

/** Settles when the signal is aborted. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
