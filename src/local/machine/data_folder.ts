import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  rmSync,
  statfsSync,
  writeFileSync,
} from 'node:fs';
import { hostname } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { errorCode, LocalError, reasonOf } from '../errors.js';
import { type Lock, lockOwner, tryLock } from './lock.js';

/** A worker that was told to stop gives its steps ten seconds. */
const FORMER_WORKER_MS = 15_000;
const LEAST_FREE_BYTES = 256 * 1024 * 1024;

/** Free bytes for this user on the disk that holds the path. */
export function freeBytes(path: string): number {
  const { bavail, bsize } = statfsSync(path);
  return bavail * bsize;
}

/** Makes the data folder and proves that it can be written. Throws `LocalError` with the cure. */
export function requireWritable(dataPath: string): void {
  try {
    // Asked by itself: a recursive mkdir on a read-only file system only says that there is no such folder.
    accessSync(nearestFolder(dataPath), constants.W_OK);
    mkdirSync(dataPath, { recursive: true });
    tryWriting(dataPath);
    // A folder in it may be of another user, when the server ran as that one once.
    for (const entry of readdirSync(dataPath, { withFileTypes: true })) {
      if (entry.isDirectory()) tryWriting(join(dataPath, entry.name));
    }
  } catch (error) {
    const code = errorCode(error);
    if (code === 'EACCES' || code === 'EPERM') throw notAllowed(dataPath, error);
    if (code === 'EROFS') {
      throw new LocalError(
        `The data directory ${dataPath} cannot be written by this user: its disk is read-only`,
        ['Choose another with --data-path.'],
        { cause: error },
      );
    }
    if (code === 'ENOSPC' || code === 'EDQUOT') throw diskFull(dataPath, 0);
    if (code === 'EEXIST' || code === 'ENOTDIR') {
      throw new LocalError(
        `The data directory ${dataPath} cannot be made: ${nearestFolder(dataPath)} is a file`,
        ['Move that file away, or choose another directory with --data-path.'],
        { cause: error },
      );
    }
    throw new LocalError(
      `The data directory ${dataPath} cannot be used: ${reasonOf(error)}`,
      ['Choose another with --data-path.'],
      { cause: error },
    );
  }
}

function tryWriting(folder: string): void {
  const probe = join(folder, `.write-test-${process.pid}`);
  writeFileSync(probe, 'x');
  rmSync(probe);
}

function notAllowed(dataPath: string, cause: unknown): LocalError {
  const path = /^[\w./@+-]+$/.test(dataPath) ? dataPath : `'${dataPath.replaceAll("'", "'\\''")}'`;
  const exists = existsSync(dataPath);
  const give = exists
    ? `Give it to this user: sudo chown -R "$(id -un)" ${path}`
    : `Make it for this user: sudo mkdir -p ${path} && sudo chown "$(id -un)" ${path}`;
  return new LocalError(
    `The data directory ${dataPath} cannot be ${exists ? 'written' : 'made'} by this user`,
    [give, 'Or choose another with --data-path.'],
    { cause },
  );
}

/** Throws `LocalError` when the disk is too full to start anything on it. */
export function requireRoom(dataPath: string): void {
  const free = freeBytes(dataPath);
  if (free < LEAST_FREE_BYTES) throw diskFull(dataPath, free);
}

function diskFull(dataPath: string, free: number): LocalError {
  return new LocalError(
    `The disk of the data directory ${dataPath} is full: ${Math.floor(free / 1024 / 1024)} MB are free, at least ${LEAST_FREE_BYTES / 1024 / 1024} MB are needed to start`,
    ['Free some space, or choose another directory with --data-path.'],
  );
}

/** Takes the data folder for this process. Throws `LocalError` when another living supervisor has it. */
export function takeDataFolder(dataPath: string): Lock {
  const attempt = tryLock(join(dataPath, 'run', 'supervisor.json'));
  if ('lock' in attempt) return attempt.lock;
  throw inUse(dataPath, attempt.owner.pid);
}

/** Throws `LocalError` when a living process of a server on this machine has the data folder. Writes nothing. */
export function requireUnused(dataPath: string): void {
  const run = join(dataPath, 'run');
  if (!existsSync(run)) return;
  const locks = readdirSync(run).filter((name) => name === 'supervisor.json' || name.endsWith('.lock'));
  for (const name of locks.sort().reverse()) {
    const pid = lockOwner(join(run, name))?.pid;
    if (pid !== undefined) throw inUse(dataPath, pid);
  }
}

function inUse(dataPath: string, pid: number): LocalError {
  return new LocalError(`The data directory ${dataPath} is in use by process ${pid}`, [
    `End that server first (kill ${pid}), or choose another directory with --data-path.`,
  ]);
}

/**
 * Makes this process the only tool worker of this host for the data folder; waits for a former one that is about to end. `queue` is the name of
 * the host's queue. Throws `LocalError` when it stays.
 */
export async function takeToolQueue(dataPath: string, queue: string): Promise<Lock> {
  return takeRole(dataPath, queue, (pid) => [
    `Process ${pid} is the tool worker of this host for the data directory ${dataPath}`,
    'One is enough: its limits (--proc, --mem) are those of the host, and it runs as many jobs at once as they allow.',
  ]);
}

/** The same for the control worker of the data folder, whatever database it works with. */
export async function takeControl(dataPath: string): Promise<Lock> {
  return takeRole(dataPath, 'control', (pid) => [
    `Process ${pid} is the control worker of the data directory ${dataPath}`,
    'A second one would put in order what the first one works on.',
  ]);
}

/** What only one process of the same kind may be, on all hosts that share the database. */
export function controlElsewhere(host: string, pid: number): LocalError {
  return new LocalError(`Process ${pid} on ${host} is the control worker of this database`, [
    'One is enough for all hosts; tool workers and APIs may run on several.',
    `To put this one in its place, end the other first (kill ${pid} on ${host}).`,
  ]);
}

async function takeRole(
  dataPath: string,
  role: string,
  explain: (pid: number) => readonly [string, string],
): Promise<Lock> {
  const end = Date.now() + FORMER_WORKER_MS;
  for (;;) {
    const attempt = tryLock(join(dataPath, 'run', `${role}.lock`));
    if ('lock' in attempt) return attempt.lock;
    const { pid } = attempt.owner;
    if (Date.now() > end) {
      const [what, why] = explain(pid);
      throw new LocalError(what, [why, `To put this one in its place, end the other first (kill ${pid}).`]);
    }
    await delay(200);
  }
}

/** A name for the processes that this one can see: of two processes with the same name, one knows whether the other lives. */
export function machineName(): string {
  try {
    // Two containers of one host see different processes.
    return `${hostname()} ${readlinkSync('/proc/self/ns/pid')}`;
  } catch {
    return hostname();
  }
}

/** Process id of the living supervisor of a data folder, if there is one. */
export function livingSupervisor(dataPath: string): number | undefined {
  const owner = lockOwner(join(dataPath, 'run', 'supervisor.json'));
  return owner?.pid;
}

/** The path itself, or the nearest folder above it that exists. */
export function nearestFolder(path: string): string {
  let folder = resolve(path);
  while (!existsSync(folder)) folder = dirname(folder);
  return folder;
}
