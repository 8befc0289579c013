import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { deserialize, serialize } from 'node:v8';
import { expect, test } from 'vitest';
import type { PhredOffset } from '../../src/bio/phred.js';
import { RawReadStatistics } from '../../src/bio/raw_read_statistics.js';
import { hasFastqc, runFastqc } from '../support/fastqc.js';
import { tempFolder } from '../tools/support.js';
import { goldenFolders, goldenText, hasGolden } from './golden.js';

const ADAPTERS = ['AGATCGGAAGAG', 'TGGAATTCTCGG', 'GATCGTCGGACT', 'CTGTCTCTTATA', 'CGCCTTGGCCGT'];

type Random = (below: number) => number;

function seeded(seed: number): Random {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** How the reads of a file are made; what is left out is as sequencers write it today. */
type Recipe = {
  reads: number;
  name?: (n: number, random: Random) => string;
  length?: (random: Random) => number;
  /** Number of characters, and what is at each of them. */
  bases?: (length: number, random: Random, n: number) => string;
  lowest?: string;
  qualities?: number;
};

const letters = (from: string) => (length: number, random: Random) =>
  Array.from({ length }, () => from[random(from.length)]).join('');

function makeReads(recipe: Recipe, seed: number): Buffer {
  const random = seeded(seed);
  const lowest = (recipe.lowest ?? '#').charCodeAt(0);
  const records = Array.from({ length: recipe.reads }, (_, n) => {
    const length = recipe.length?.(random) ?? 40;
    const bases = (recipe.bases ?? letters('ACGT'))(length, random, n);
    const quality = Array.from(bases, () => String.fromCharCode(lowest + random(recipe.qualities ?? 39))).join('');
    return `@${recipe.name?.(n, random) ?? `r${n}`}\n${bases}\n+\n${quality}\n`;
  });
  return Buffer.from(records.join(''));
}

function withAdapters(length: number, random: Random): string {
  const bases = letters('ACGTN')(length, random);
  const at = random(length + 1);
  const text = bases.slice(0, at) + ADAPTERS[random(8)]?.concat(bases) + bases;
  return random(5) === 0 ? text.slice(0, length).toLowerCase() : text.slice(0, length);
}

const casava = (tiles: number) => (n: number, random: Random) =>
  `SIM:1:FC:1:${1101 + random(tiles)}:${n}:2000 1:N:0:ATCACG`;

const FILES: Record<string, Recipe> = {
  long: { reads: 150, length: (random) => 1 + random(4900) },
  tiles: { reads: 16_000, length: () => 12, name: casava(24) },
  'tiles of old names': { reads: 300, name: (n) => `HWUSI:6:${73 + (n % 3)}:941:${n}#0/1`, length: (r) => 80 + r(90) },
  'names with colons': { reads: 200, name: (n) => `a:b:c:d:e:f:${n}` },
  'empty fields at the end': { reads: 20, name: () => 'a:b:5:d::::' },
  'numbers with signs': { reads: 50, name: (n) => `a:b:${n % 2 ? '-' : '+'}5:d:e` },
  '1,001 tiles': { reads: 10_050, length: () => 3, name: (n) => `a:b:${Math.floor(n / 10) % 1001}:d:e` },
  'too many tiles': { reads: 10_050, length: () => 3, name: (n) => `a:b:${Math.floor(n / 10) % 1002}:d:e` },
  'a tile in some names only': { reads: 90, name: (n) => (n < 40 ? 'a:b:1:d:e' : 'r') },
  'more sequences than are told apart': {
    ...{ reads: 130_000, qualities: 1, lowest: '5' },
    bases: (_, random) => (random(8) ? letters('ACGT')(12, random) : letters('ACGT')(1 + random(6), random)),
  },
  'the same beginnings': {
    reads: 2000,
    bases: (_, random) => 'ACGTTGCA'.repeat(8).slice(0, 50 + random(3)) + letters('AC')(23 + random(4), random),
  },
  adapters: { reads: 1000, length: (random) => random(160), bases: withAdapters },
  'as long as an adapter': { reads: 60, bases: (_, random, n) => ADAPTERS[n % 5]?.slice(random(2)) as string },
  'adapters before longer reads': {
    reads: 60,
    bases: (_, random, n) => (n < 20 ? (ADAPTERS[n % 5] as string) : withAdapters(11 + n, random)),
  },
  short: { reads: 300, length: (random) => 1 + random(5) },
  'N alone': { reads: 150, bases: letters('N') },
  'all letters': { reads: 200, length: (random) => random(120), bases: letters('ACGTNRYSWKMBDHVX.acgtnrx') },
  'G alone': { reads: 150, bases: letters('G') },
  'few of the last positions': { reads: 130, length: (random) => (random(20) ? 90 : 200) },
  'lengths far apart': {
    reads: 30,
    length: (random) => [1, 99, 100, 101, 999, 1000, 1001, 2000, 4999][random(9)] ?? 0,
  },
  'with 64': { reads: 500, name: casava(3), length: () => 100, lowest: 'B', qualities: 39 },
  'one read': { reads: 1 },
};

/** The text with FastQC's guess of the source of an overrepresented sequence taken away: we name none. */
function withoutSources(report: string): string {
  return report.replaceAll(/\t[^\t\n]+ \(\d+% over \d+bp\)$/gm, '\tNo Hit');
}

function offsetOf(report: string): PhredOffset {
  return report.includes('\nEncoding\tSanger') ? 33 : 64;
}

/** Counts a text that comes in chunks of this size. */
function count(text: Buffer, chunkBytes: number): RawReadStatistics {
  const statistics = new RawReadStatistics();
  for (let start = 0; start < text.length; start += chunkBytes)
    statistics.push(text.subarray(start, start + chunkBytes));
  return statistics;
}

function expectSame(text: Buffer, fileName: string, report: string, name = fileName): void {
  const counted = count(text, 60_000).report(fileName, offsetOf(report));
  expect(counted.split('\n'), name).toEqual(withoutSources(report).split('\n'));
}

const GOLDEN = goldenFolders('fastqc/').flatMap((name) =>
  [1, 2]
    .map((n) => ({ reads: `fastqc/${name}/reads_${n}.fq`, text: `fastqc/${name}/fastqc_${n}.txt`, n }))
    .filter((file) => hasGolden(file.reads) && hasGolden(file.text)),
);

test.each(GOLDEN)('the report of $reads is that of FastQC, byte by byte', ({ reads, text, n }) => {
  expectSame(Buffer.from(goldenText(reads)), `reads_${n}.fq.gz`, goldenText(text), reads);
});

test.skipIf(!hasFastqc)(
  'so it is with the installed FastQC, for all that reads may be',
  async () => {
    await using temp = await tempFolder();
    const files = Object.entries(FILES).map(([name, recipe], n) => {
      return { name, fileName: `${n}.fq`, path: join(temp.path, `${n}.fq`), text: makeReads(recipe, n + 1) };
    });
    for (const { path, text } of files) await writeFile(path, text);
    const reports = await runFastqc(
      files.map(({ path }) => path),
      temp.path,
    );
    for (const [n, { name, fileName, text }] of files.entries()) expectSame(text, fileName, reports[n] as string, name);
  },
  240_000,
);

test('where the chunks are cut does not matter, and what was counted can be kept and sent', () => {
  const text = makeReads(FILES.adapters as Recipe, 5);
  const reports = [1, 7, 4096, text.length].map((size) => count(text, size).report('reads.fq', 33));
  const kept = RawReadStatistics.fromState(deserialize(serialize(count(text, 4096).toState())));
  expect(new Set([...reports, kept.report('reads.fq', 33)]).size).toBe(1);
  expect(kept.report('reads.fq', 64)).toBe(count(text, 4096).report('reads.fq', 64));
});

test('a text that ends within a record is refused', () => {
  expect(() => count(Buffer.from('@r\nACGT\n+\nIIII\n@s\nAC'), 100).toState()).toThrow('in the middle of record 2');
});
