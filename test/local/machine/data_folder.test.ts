import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { LocalError } from '../../../src/local/errors.js';
import { requireUnused, requireWritable, takeDataFolder } from '../../../src/local/machine/data_folder.js';
import { tryLock } from '../../../src/local/machine/lock.js';

const NOBODY = 65_534;

/** A folder that others may look into and nobody but root may write. */
function foreignFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'virtool-test-foreign-'));
  chmodSync(folder, 0o555);
  onTestFinished(() => {
    chmodSync(folder, 0o755);
    rmSync(folder, { recursive: true });
  });
  return folder;
}

/** What the check says to a user who is not root. */
function refusalOf(path: string): string {
  const isRoot = process.getuid?.() === 0;
  if (isRoot) process.seteuid?.(NOBODY);
  try {
    requireWritable(path);
  } catch (error) {
    if (error instanceof LocalError) return error.text();
    throw error;
  } finally {
    if (isRoot) process.seteuid?.(0);
  }
  return '';
}

test('a data directory that is not there and may not be made comes with the commands that make it', () => {
  const path = join(foreignFolder(), 'virtool', 'data');
  const [problem, cure] = refusalOf(path).split('\n');
  expect(problem).toBe(`The data directory ${path} cannot be made by this user`);
  expect(cure).toBe(`  Make it for this user: sudo mkdir -p ${path} && sudo chown "$(id -un)" ${path}`);
});

test('one of another user comes with the command that gives it to this one', () => {
  const path = foreignFolder();
  const [problem, cure] = refusalOf(path).split('\n');
  expect(problem).toBe(`The data directory ${path} cannot be written by this user`);
  expect(cure).toBe(`  Give it to this user: sudo chown -R "$(id -un)" ${path}`);
});

test('a folder in it that is of another user is found too', () => {
  const path = foreignFolder();
  chmodSync(path, 0o777);
  mkdirSync(join(path, 'files'), { mode: 0o555 });
  expect(refusalOf(path)).toContain(`sudo chown -R "$(id -un)" ${path}`);
});

test('a path with blanks and quotes is one word of the commands', () => {
  const path = join(foreignFolder(), "Ann's data");
  expect(refusalOf(path)).toContain(`sudo chown "$(id -un)" '${path.replace("'", "'\\''")}'`);
});

test('a data directory that can be written is made and left empty', () => {
  const folder = foreignFolder();
  chmodSync(folder, 0o755);
  mkdirSync(join(folder, 'mine'));
  expect(() => requireWritable(join(folder, 'mine', 'data'))).not.toThrow();
});

test('a data directory is in use while a living process has any of its locks', () => {
  const folder = mkdtempSync(join(tmpdir(), 'virtool-test-used-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  expect(() => requireUnused(folder)).not.toThrow();
  expect(existsSync(join(folder, 'run'))).toBe(false);
  const supervisor = takeDataFolder(folder);
  expect(() => requireUnused(folder)).toThrow(`in use by process ${process.pid}`);
  supervisor.release();
  expect(() => requireUnused(folder)).not.toThrow();
  // A tool worker that was started alone.
  const tools = tryLock(join(folder, 'run', 'tools.lock'));
  expect(() => requireUnused(folder)).toThrow(`in use by process ${process.pid}`);
  if ('lock' in tools) tools.lock.release();
  writeFileSync(join(folder, 'run', 'tools.lock'), JSON.stringify({ pid: 4_194_000, start: 1 }));
  expect(() => requireUnused(folder)).not.toThrow();
});
