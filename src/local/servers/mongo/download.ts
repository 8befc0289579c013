import { lookup } from 'node:dns/promises';
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import { findProgram } from '../../../tools/programs.js';
import { lastLines, runCommand } from '../../machine/commands.js';
import { answersConnect } from '../../machine/ports.js';

const USUAL_HOST = 'fastdl.mongodb.org';
const REACH_LIMIT_MS = 1_000;
const REMEMBER_MS = 24 * 60 * 60_000;
const DOWNLOAD_LIMIT_MS = 5 * 60_000;

const require = createRequire(import.meta.url);

/** What is remembered: where the program is, or when and why it could not be had. */
type DownloadRecord = { path: string } | { failedAt: number; reason: string };

/**
 * MongoDB's own program, downloaded once into the cache folder; else one line why not. A failure is remembered
 * for a day, so that the next start does not wait for it again.
 */
export async function officialMongod(cachePath: string, logger: Logger): Promise<{ path: string } | string> {
  if (/^(false|0|no)$/i.test(process.env.MONGOMS_RUNTIME_DOWNLOAD ?? ''))
    return 'the official download is switched off';
  const known = readRecord(recordPath(cachePath));
  if (known && 'path' in known && findProgram(known.path) !== undefined) return known;
  if (known && 'reason' in known && Date.now() - known.failedAt < REMEMBER_MS) return known.reason;
  mkdirSync(downloadFolder(cachePath), { recursive: true });
  const problem = await whyUnreachable();
  const outcome = problem === undefined ? await download(downloadFolder(cachePath), logger) : failed(problem);
  writeRecord(recordPath(cachePath), outcome);
  return 'path' in outcome ? outcome : outcome.reason;
}

/** Forgets a failure. Without any server the cause was the network, and the next start shall try again. */
export function forgetFailedDownload(cachePath: string): void {
  const known = readRecord(recordPath(cachePath));
  if (known && 'reason' in known) rmSync(recordPath(cachePath), { force: true });
}

function downloadFolder(cachePath: string): string {
  return join(cachePath, 'mongodb-official');
}

function recordPath(cachePath: string): string {
  return join(downloadFolder(cachePath), 'record.json');
}

function failed(reason: string): DownloadRecord {
  return { failedAt: Date.now(), reason };
}

// The library reads the same variable.
function downloadHost(): string {
  const mirror = process.env.MONGOMS_DOWNLOAD_MIRROR;
  return mirror !== undefined && URL.canParse(mirror) ? new URL(mirror).hostname : USUAL_HOST;
}

async function whyUnreachable(): Promise<string | undefined> {
  const host = downloadHost();
  const proxy = process.env.HTTPS_PROXY || process.env.https_proxy;
  // Behind a proxy the name service says nothing about what can be reached.
  const isThere = proxy ? await answersProxy(proxy) : await hasAddress(host);
  if (isThere) return undefined;
  return proxy ? `${host} cannot be reached: the proxy does not answer` : `${host} cannot be reached`;
}

async function answersProxy(proxy: string): Promise<boolean> {
  if (!URL.canParse(proxy)) return false;
  const { hostname, port, protocol } = new URL(proxy);
  return answersConnect(hostname, Number(port) || (protocol === 'https:' ? 443 : 80), REACH_LIMIT_MS);
}

async function hasAddress(host: string): Promise<boolean> {
  const found = lookup(host).then(
    () => true,
    () => false,
  );
  return Promise.race([found, delay(REACH_LIMIT_MS, false, { ref: false })]);
}

async function download(folder: string, logger: Logger): Promise<DownloadRecord> {
  const begin = Date.now();
  logger.info(`Downloading MongoDB from ${downloadHost()}`);
  // In a process of its own: the library prints stack traces, and its retries need a limit.
  const library = require.resolve('mongodb-memory-server-core/lib/util/MongoBinary.js');
  const script = `require(${JSON.stringify(library)}).MongoBinary
    .getPath({ downloadDir: ${JSON.stringify(folder)}, checkMD5: true })
    .then((path) => console.log('path=' + path), (error) => { console.log('why=' + error.message); process.exit(1); });`;
  const result = await runCommand(process.execPath, ['--eval', script], { limitMs: DOWNLOAD_LIMIT_MS, cwd: folder });
  const path = /^path=(.+)$/m.exec(result.stdout)?.[1];
  if (result.code !== 0 || path === undefined) {
    const why = /^why=(.+?)(, Details:.*)?$/m.exec(result.stdout)?.[1];
    return failed(`the official download failed: ${why ?? lastLines(result.stderr)}`);
  }
  logger.info(`Downloaded MongoDB in ${((Date.now() - begin) / 1000).toFixed(1)} s`);
  return { path };
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
  if ('failedAt' in value && typeof value.failedAt === 'number' && 'reason' in value) {
    return { failedAt: value.failedAt, reason: String(value.reason) };
  }
  return undefined;
}

function writeRecord(path: string, record: DownloadRecord): void {
  const draft = `${path}.${process.pid}`;
  writeFileSync(draft, JSON.stringify(record));
  renameSync(draft, path);
}
