import { linkSync, mkdirSync, readFileSync, rmdirSync, statSync, unlinkSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

const STALE_GUARD_MS = 10_000;

/** Runs `work` while holding the lock file; waits while a living process has it, takes over from a dead one. */
export async function withLock(path, onWait, work) {
  mkdirSync(dirname(path), { recursive: true });
  const own = JSON.stringify({ pid: process.pid, start: processStart(process.pid) });
  const draft = `${path}.${process.pid}`;
  writeFileSync(draft, own);
  try {
    // A hard link appears at once with its content, so nobody reads a half-written lock.
    for (let waited = false; !take(draft, path); waited = true) {
      const owner = readOwner(path);
      if (owner === undefined || !isAlive(owner)) removeStale(path);
      else if (!waited) onWait(owner.pid);
      await delay(100);
    }
  } finally {
    unlinkSync(draft);
  }
  try {
    return await work();
  } finally {
    if (readFileSync(path, 'utf8') === own) unlinkSync(path);
  }
}

function take(draft, path) {
  try {
    linkSync(draft, path);
    return true;
  } catch (error) {
    if (error.code === 'EEXIST') return false;
    throw error;
  }
}

function readOwner(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    if (error.code === 'ENOENT' || error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function isAlive({ pid, start }) {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return error.code === 'EPERM';
  }
  return processStart(pid) === start;
}

// Empty where there is no /proc; then the number alone decides.
function processStart(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return '';
  }
}

// One at a time judges and removes, or two that find the same dead owner could remove each other's fresh lock.
function removeStale(path) {
  const guard = `${path}.takeover`;
  try {
    mkdirSync(guard);
  } catch (error) {
    if (error.code !== 'EEXIST') throw error;
    const made = statSync(guard, { throwIfNoEntry: false })?.mtimeMs;
    if (made !== undefined && Date.now() - made > STALE_GUARD_MS) rmdirSync(guard);
    return;
  }
  try {
    const owner = readOwner(path);
    if (owner === undefined || !isAlive(owner)) unlinkSync(path);
  } catch (error) {
    if (error.code !== 'ENOENT') throw error;
  } finally {
    rmdirSync(guard);
  }
}
