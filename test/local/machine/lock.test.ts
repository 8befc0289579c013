import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type Lock, lockOwner, tryLock, waitForLock } from '../../../src/local/machine/lock.js';
import { ownIdentity } from '../../../src/local/machine/proc_table.js';
import { testFolder } from '../../support/folders.js';

const NO_SUCH_PROCESS = { pid: 2 ** 22 + 1, start: '1' };

function take(path: string): Lock {
  const attempt = tryLock(path);
  if ('owner' in attempt) throw new Error(`held by ${attempt.owner.pid}`);
  return attempt.lock;
}

test('a lock has one holder, and is free again after its release', () => {
  const path = join(testFolder(), 'run', 'lock');
  const lock = take(path);
  expect(tryLock(path)).toEqual({ owner: ownIdentity() });
  lock.release();
  expect(existsSync(path)).toBe(false);
  take(path).release();
});

// After kill -9 nobody removes the file.
test.each([
  ['whose owner is gone', NO_SUCH_PROCESS],
  ['whose number now belongs to another process', { pid: process.pid, start: 'long ago' }],
])('a lock %s is taken over', (_, owner) => {
  const path = join(testFolder(), 'lock');
  writeFileSync(path, JSON.stringify(owner));
  expect(lockOwner(path)).toBeUndefined();
  take(path);
  expect(JSON.parse(readFileSync(path, 'utf8'))).toEqual(ownIdentity());
});

test('a lock file that is cut is taken over', () => {
  const path = join(testFolder(), 'lock');
  writeFileSync(path, '{"pid": 1');
  take(path);
});

test('releasing late does not take the lock from its new owner', () => {
  const path = join(testFolder(), 'lock');
  const lock = take(path);
  writeFileSync(path, JSON.stringify(NO_SUCH_PROCESS));
  lock.release();
  expect(existsSync(path)).toBe(true);
});

test('one who waits is told once, and gets the lock when it becomes free', async () => {
  const path = join(testFolder(), 'lock');
  const first = take(path);
  const told: number[] = [];
  const waiting = waitForLock(path, 10_000, ({ pid }) => {
    told.push(pid);
    first.release();
  });
  (await waiting).release();
  expect(told).toEqual([process.pid]);
});

test('waiting for a lock has a limit', async () => {
  const path = join(testFolder(), 'lock');
  take(path);
  await expect(waitForLock(path, 150)).rejects.toThrow(`process ${process.pid} keeps the lock`);
});
