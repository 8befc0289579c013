import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { readdir, readFile, utimes } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { checksumFile, checksumProduct } from '../../src/files/checksums.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'virtool-checksums-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const expected = (content: string) => ({
  sha256: createHash('sha256').update(content).digest('hex'),
  size: content.length,
});

test('a file is known by its content, and one that is not there by nothing', async () => {
  const path = join(folder, 'reads.fq');
  writeFileSync(path, 'ACGT');
  expect(await checksumFile(path)).toEqual(expected('ACGT'));
  expect(await checksumProduct(path)).toEqual(expected('ACGT'));
  expect(await checksumFile(join(folder, 'absent'))).toBeUndefined();
  expect(await checksumProduct(join(folder, 'absent'))).toBeUndefined();
});

test('the checksum of a product is read from the list beside it, until the file changes', async () => {
  const path = join(folder, 'index.1.bt2');
  writeFileSync(path, 'first');
  await utimes(path, 1_000, 1_000);
  await checksumProduct(path);
  const list = join(folder, 'checksums.json');
  const noted = JSON.parse(await readFile(list, 'utf8'));
  expect(noted['index.1.bt2']).toMatchObject(expected('first'));

  // What is noted counts without a look into the file.
  writeFileSync(list, JSON.stringify({ 'index.1.bt2': { ...noted['index.1.bt2'], sha256: 'noted' } }));
  expect(await checksumProduct(path)).toEqual({ sha256: 'noted', size: 5 });
  writeFileSync(path, 'other');
  expect(await checksumProduct(path)).toEqual(expected('other'));
  expect(await checksumProduct(path)).toEqual(expected('other'));
});

test('a damaged list, or two who write it at once, cost nothing but the reading of the file', async () => {
  const paths = ['a', 'b', 'c', 'd'].map((name) => join(folder, name));
  for (const path of paths) writeFileSync(path, path);
  writeFileSync(join(folder, 'checksums.json'), '{"a": {"si');
  for (let round = 0; round < 2; round += 1) {
    expect(await Promise.all(paths.map((path) => checksumProduct(path)))).toEqual(paths.map(expected));
  }
  expect((await readdir(folder)).filter((name) => name.endsWith('.partial'))).toEqual([]);
});
