import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { createUndo } from '../activities/undo.js';
import { type AdoptionReport, adopt } from '../adoption/adopt.js';
import { findObstacle } from '../adoption/origin.js';
import { createSetAside, setAsideFolder } from '../adoption/paths.js';
import type { Site } from '../adoption/rule.js';
import { serverVersion } from '../api/version.js';
import { type Config, ConfigError, readConfig } from '../config.js';
import { createDataDirectory } from '../files/data_directory.js';
import {
  controlElsewhere,
  LocalError,
  machineName,
  requireMongo,
  requireUnused,
  requireWritable,
  takeControl,
  takeDataFolder,
} from '../local/index.js';
import { createLogger } from '../log.js';
import type { AuditOutcome } from '../store/audit.js';
import { type Database, openDatabase } from '../store/database/database.js';
import { findLeaseHolder, takeLease } from '../store/database/lease.js';
import { createStore } from '../store/index.js';
import { formatAdoption } from './adopt_report.js';
import { requireAddress, untilSignal } from './shared.js';
import { printLine } from './start.js';

const LEASE = 'control_worker';

/** Puts a database and data directory of release 3.7.3 in order, or tells with `--dry-run` what that would do; gives the exit code. */
export async function runAdoptCommand(argv: string[]): Promise<number> {
  const { dryRun, json, rest } = splitFlags(argv);
  const config = readConfig({ argv: rest, environment: process.env, directory: process.cwd() });
  const url = requireAddress(config, 'db');
  const signal = untilSignal();
  requireUnused(config.data_path);
  await requireMongo(url);
  const database = await openDatabase({ url, name: config.db_name });
  try {
    const report = dryRun ? await look(config, database, signal) : await repair(config, database, signal);
    printLine(json ? JSON.stringify(report, null, 2) : formatAdoption(report));
    return 0;
  } catch (error) {
    if (!signal.aborted) throw error;
    printLine('Stopped. Start it again to go on.');
    return 1;
  } finally {
    await database.close();
  }
}

function splitFlags(argv: string[]): { dryRun: boolean; json: boolean; rest: string[] } {
  const own = ['--dry-run', '--json'];
  const wrong = argv.find((argument) => own.some((flag) => argument.startsWith(`${flag}=`)));
  if (wrong !== undefined) throw new ConfigError(`${wrong.split('=')[0]} takes no value.`);
  return {
    dryRun: argv.includes('--dry-run'),
    json: argv.includes('--json'),
    rest: argv.filter((argument) => !own.includes(argument)),
  };
}

async function look(config: Config, database: Database, signal: AbortSignal): Promise<AdoptionReport> {
  const { site, folder } = await openSite(config, database, signal);
  const holder = await findLeaseHolder(database, LEASE, signal);
  if (holder) throw controlElsewhere(holder.host, holder.pid);
  return adopt(site, { dryRun: true, setAsideFolder: folder, signal });
}

async function repair(config: Config, database: Database, signal: AbortSignal): Promise<AdoptionReport> {
  const { site, folder } = await openSite(config, database, signal);
  requireWritable(config.data_path);
  const dataFolder = takeDataFolder(config.data_path);
  try {
    const control = await takeControl(config.data_path);
    try {
      return await withLease(config, database, signal, async (lost) => {
        await site.data.create();
        const options = { dryRun: false, setAsideFolder: folder, signal: AbortSignal.any([signal, lost]) };
        return audited(site, config, () => adopt(site, options));
      });
    } finally {
      control.release();
    }
  } finally {
    dataFolder.release();
  }
}

/** All that is needed, and nothing written yet. */
async function openSite(
  config: Config,
  database: Database,
  signal: AbortSignal,
): Promise<{ site: Site; folder: string }> {
  const data = createDataDirectory(config.data_path);
  const version = serverVersion(config);
  const deps = { store: createStore(database), data, version, log: createLogger('adopt', { level: 'silent' }) };
  const folder = setAsideFolder(data, new Date());
  const site = { ...deps, undo: createUndo(deps), setAside: createSetAside(data, folder) };
  signal.throwIfAborted();
  const obstacle = await findObstacle(site, version);
  if (obstacle) throw new LocalError(obstacle.problem, [obstacle.cure]);
  return { site, folder };
}

/** Does the work while no control worker, on whatever host, can begin. */
async function withLease<T>(
  config: Config,
  database: Database,
  signal: AbortSignal,
  work: (lost: AbortSignal) => Promise<T>,
): Promise<T> {
  const machine = `${machineName()} ${createDataDirectory(config.data_path).root}`;
  const taken = await takeLease(
    database,
    LEASE,
    { id: randomUUID(), machine, host: hostname(), pid: process.pid },
    signal,
  );
  if ('holder' in taken) throw controlElsewhere(taken.holder.host, taken.holder.pid);
  try {
    return await work(taken.lease.lost);
  } finally {
    // Not released, it ends by itself.
    await taken.lease.release().catch(() => undefined);
  }
}

async function audited(site: Site, config: Config, work: () => Promise<AdoptionReport>): Promise<AdoptionReport> {
  const { audit } = site.store;
  const note = (outcome: AuditOutcome, details: Record<string, unknown>, asked?: number) =>
    audit.append({
      ...{ action: 'adoption', outcome, user: null, via: 'command', address: '', target: 'adopt', details },
      ...(asked === undefined ? {} : { asked }),
    });
  const asked = await note('asked', { database: config.db_name, host: hostname() });
  try {
    const report = await work();
    const repaired = report.rules.filter((rule) => rule.repaired > 0).map(({ rule, repaired: count }) => [rule, count]);
    await note('done', { repaired: Object.fromEntries(repaired) }, asked);
    return report;
  } catch (error) {
    await note('failed', { reason: (error as Error).message.slice(0, 500) }, asked).catch(() => undefined);
    throw error;
  }
}
