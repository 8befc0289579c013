import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createSettling, fingerprintOf } from '../../src/files/settling.js';
import { testFolder } from '../support/folders.js';

const looks = { size: 10, mtime_ms: 1_000 };

test('a file has settled when it looked the same for the whole time', () => {
  const settling = createSettling(100);
  expect(settling.isSettled('a.fq', looks, 0)).toBe(false);
  expect(settling.isSettled('a.fq', looks, 99)).toBe(false);
  expect(settling.isSettled('a.fq', looks, 100)).toBe(true);
});

// A writer that reserves its space first changes the time alone.
test.each([{ size: 11 }, { mtime_ms: 1_001 }])('a change of %j starts the time anew', (change) => {
  const settling = createSettling(100);
  settling.isSettled('a.fq', looks, 0);
  expect(settling.isSettled('a.fq', { ...looks, ...change }, 90)).toBe(false);
  expect(settling.isSettled('a.fq', { ...looks, ...change }, 189)).toBe(false);
  expect(settling.isSettled('a.fq', { ...looks, ...change }, 190)).toBe(true);
});

test('a file that went and came back is a new one', () => {
  const settling = createSettling(100);
  settling.isSettled('a.fq', looks, 0);
  settling.keep(new Set(['b.fq']));
  expect(settling.isSettled('a.fq', looks, 200)).toBe(false);
});

test('only regular files have a look', async () => {
  const folder = testFolder();
  await mkdir(join(folder, 'folder.fq'));
  await writeFile(join(folder, 'file.fq'), 'reads');
  await symlink(join(folder, 'file.fq'), join(folder, 'link.fq'));
  expect(await fingerprintOf(join(folder, 'file.fq'))).toMatchObject({ size: 5 });
  for (const name of ['folder.fq', 'link.fq', 'absent.fq', 'file.fq/below']) {
    expect(await fingerprintOf(join(folder, name))).toBeUndefined();
  }
});
