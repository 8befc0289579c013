import { readFile, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { DamagedGzip, OutputTooLarge, ToolFailed } from '../../src/tools/errors.js';
import { compressFile, decompressFile, pigzCompress, pigzDecompress } from '../../src/tools/pigz.js';
import { dataFile, sha256, tempFolder } from './support.js';

const WAYS = [
  { name: 'pigz', usePigz: true },
  { name: 'zlib', usePigz: false },
];

test('the command lines are those of the contract, forced and without name and time in the header', () => {
  expect(pigzCompress({ from: '/a/x.fa', threads: 2 }).argv.join(' ')).toBe(
    'pigz --force --no-name --no-time -p 2 -k --stdout /a/x.fa',
  );
  expect(pigzDecompress({ from: '/a/x.gz', threads: 0 }).argv.join(' ')).toBe('pigz -p 1 -d -k --stdout /a/x.gz');
});

test.each(WAYS)('$name: what is compressed and decompressed again is the same, and the input stays', async (way) => {
  await using folder = await tempFolder();
  const [from, packed, to] = ['plain', 'packed.gz', 'again'].map((name) => join(folder.path, name)) as [
    string,
    string,
    string,
  ];
  await writeFile(from, 'ACGT'.repeat(500_000));
  await compressFile({ from, to: packed, threads: 2 }, way);
  await decompressFile({ from: packed, to, threads: 2 }, way);
  expect(await sha256(to)).toBe(await sha256(from));
  expect(gunzipSync(await readFile(packed)).length).toBe(2_000_000);
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
  const [from, packed, to] = ['plain.fq.gz', 'packed', 'again'].map((name) => join(folder.path, name)) as [
    string,
    string,
    string,
  ];
  await writeFile(from, 'ACGT');
  await compressFile({ from, to: packed, threads: 1 }, way);
  await decompressFile({ from: packed, to, threads: 1 }, way);
  expect(await readFile(to, 'utf8')).toBe('ACGT');
});

test.each(WAYS)('$name: cut, damaged and foreign files fail, they are never half a success', async (way) => {
  await using folder = await tempFolder();
  for (const name of ['reads_truncated.fq.gz', 'reads_damaged.fq.gz']) {
    const job = { from: dataFile(`bad/${name}`), to: join(folder.path, 'out'), threads: 2 };
    await expect(decompressFile(job, way), name).rejects.toBeInstanceOf(way.usePigz ? ToolFailed : DamagedGzip);
  }
  const from = join(folder.path, 'text.gz');
  await writeFile(from, 'this is not gzip');
  const job = { from, to: join(folder.path, 'out'), threads: 1 };
  await expect(decompressFile(job, way)).rejects.toBeInstanceOf(way.usePigz ? ToolFailed : DamagedGzip);
});

// Two megabytes of gzip can hold two gigabytes of nothing.
test.each(WAYS)(
  '$name: a file that unpacks to more than the limit is refused before it fills the disk',
  async (way) => {
    await using folder = await tempFolder();
    const [plain, from, to] = ['plain', 'bomb.gz', 'out'].map((name) => join(folder.path, name)) as [
      string,
      string,
      string,
    ];
    await writeFile(plain, Buffer.alloc(20_000_000));
    await compressFile({ from: plain, to: from, threads: 1 }, way);
    const job = { from, to, threads: 1, limitBytes: 1_000_000 };
    await expect(decompressFile(job, way)).rejects.toBeInstanceOf(OutputTooLarge);
    expect((await stat(to)).size).toBeLessThanOrEqual(1_000_000);
    await decompressFile({ ...job, limitBytes: 20_000_000 }, way);
    expect((await stat(to)).size).toBe(20_000_000);
  },
);

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
