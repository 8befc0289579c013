import { readFile, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { compressFile, pigzCompress } from '../../src/tools/pigz.js';
import { tempFolder } from './support.js';

const WAYS = [
  { name: 'pigz', usePigz: true },
  { name: 'zlib', usePigz: false },
];

test('the command line is that of the contract, forced and without name and time in the header', () => {
  expect(pigzCompress({ from: '/a/x.fa', threads: 2 }).argv.join(' ')).toBe(
    'pigz --force --no-name --no-time -p 2 -k --stdout /a/x.fa',
  );
});

test.each(WAYS)('$name: what is compressed is the same when it is unpacked, and the input stays', async (way) => {
  await using folder = await tempFolder();
  const [from, packed] = ['plain', 'packed.gz'].map((name) => join(folder.path, name)) as [string, string];
  const text = 'ACGT'.repeat(500_000);
  await writeFile(from, text);
  await compressFile({ from, to: packed, threads: 2 }, way);
  expect(gunzipSync(await readFile(packed)).toString()).toBe(text);
  expect(await readFile(from, 'utf8')).toBe(text);
});

test('pigz makes the same bytes for every number of threads and whenever it runs', async () => {
  await using folder = await tempFolder();
  const from = join(folder.path, 'plain');
  const packed: Buffer[] = [];
  for (const threads of [1, 2, 3]) {
    await writeFile(from, 'ACGTTGCA'.repeat(100_000));
    await utimes(from, threads * 1000, threads * 1000);
    const to = join(folder.path, `${threads}.gz`);
    await compressFile({ from, to, threads }, { usePigz: true });
    packed.push(await readFile(to));
  }
  expect(packed[1]).toEqual(packed[0]);
  expect(packed[2]).toEqual(packed[0]);
});

// Users upload plain FASTQ under the name reads.fq.gz.
test.each(WAYS)('$name: the name of a file does not decide whether it is compressed', async (way) => {
  await using folder = await tempFolder();
  const [from, packed] = ['plain.fq.gz', 'packed'].map((name) => join(folder.path, name)) as [string, string];
  await writeFile(from, 'ACGT');
  await compressFile({ from, to: packed, threads: 1 }, way);
  expect(gunzipSync(await readFile(packed)).toString()).toBe('ACGT');
});

test.each(WAYS)('$name: cancel gives the reason of the signal', async (way) => {
  await using folder = await tempFolder();
  const from = join(folder.path, 'plain');
  await writeFile(from, Buffer.alloc(200_000_000));
  const abort = new AbortController();
  const reason = new Error('CancelledFailure');
  const run = compressFile({ from, to: join(folder.path, 'x.gz'), threads: 1 }, { ...way, signal: abort.signal });
  setImmediate(() => abort.abort(reason));
  await expect(run).rejects.toBe(reason);
});
