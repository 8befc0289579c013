import { linkSync, mkdirSync, readFileSync, rmdirSync, statSync, unlinkSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { errorCode } from '../errors.js';
import { isAlive, ownIdentity, type ProcessIdentity, parseIdentity } from './proc_table.js';

/** A held lock file. */
export type Lock = { release(): void };

/** Either the lock, or the living process that has it. */
export type LockAttempt = { lock: Lock } | { owner: ProcessIdentity };

const STALE_TAKEOVER_MS = 10_000;

/** Takes the lock file if nobody living has it. A lock whose owner died is taken over. */
export function tryLock(path: string): LockAttempt {
  mkdirSync(dirname(path), { recursive: true });
  const own = ownIdentity();
  const draft = `${path}.${own.pid}.${process.hrtime.bigint()}`;
  try {
    writeFileSync(draft, JSON.stringify(own));
    for (;;) {
      // A hard link appears at once with its content, so nobody ever reads a half-written lock.
      if (linkIfFree(draft, path)) return { lock: { release: () => releaseOwn(path, own) } };
      const owner = readOwner(path);
      if (owner && isAlive(owner)) return { owner };
      removeStale(path);
    }
  } finally {
    unlinkIfThere(draft);
  }
}

/** Waits for the lock; `onWait` is called once when somebody else has it. Throws after `limitMs`. */
export async function waitForLock(
  path: string,
  limitMs: number,
  onWait?: (owner: ProcessIdentity) => void,
): Promise<Lock> {
  const end = Date.now() + limitMs;
  let told = false;
  for (;;) {
    const attempt = tryLock(path);
    if ('lock' in attempt) return attempt.lock;
    if (Date.now() >= end) throw new Error(`process ${attempt.owner.pid} keeps the lock ${path}`);
    if (!told) onWait?.(attempt.owner);
    told = true;
    await delay(100);
  }
}

/** The living process that holds the lock file, if any. */
export function lockOwner(path: string): ProcessIdentity | undefined {
  const owner = readOwner(path);
  return owner && isAlive(owner) ? owner : undefined;
}

function linkIfFree(draft: string, path: string): boolean {
  try {
    linkSync(draft, path);
    return true;
  } catch (error) {
    if (errorCode(error) === 'EEXIST') return false;
    throw error;
  }
}

function readOwner(path: string): ProcessIdentity | undefined {
  try {
    return parseIdentity(JSON.parse(readFileSync(path, 'utf8')));
  } catch (error) {
    if (error instanceof SyntaxError || ['ENOENT', 'ENOTDIR'].includes(errorCode(error) ?? '')) return undefined;
    throw error;
  }
}

// Two that find the same dead owner must not remove each other's fresh lock: one at a time judges and removes.
function removeStale(path: string): void {
  const guard = `${path}.takeover`;
  try {
    mkdirSync(guard);
  } catch (error) {
    if (errorCode(error) !== 'EEXIST') throw error;
    removeOldGuard(guard);
    return;
  }
  try {
    const owner = readOwner(path);
    if (!owner || !isAlive(owner)) unlinkIfThere(path);
  } finally {
    rmdirSync(guard);
  }
}

function removeOldGuard(guard: string): void {
  const made = statSync(guard, { throwIfNoEntry: false })?.mtimeMs;
  if (made !== undefined && Date.now() - made > STALE_TAKEOVER_MS) rmdirSync(guard);
}

function releaseOwn(path: string, own: ProcessIdentity): void {
  const owner = readOwner(path);
  if (owner?.pid === own.pid && owner.start === own.start) unlinkIfThere(path);
}

function unlinkIfThere(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') throw error;
  }
}
