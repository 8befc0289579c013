import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { reverseComplement } from '../../src/bio/orfs.js';
import { explain } from '../../src/tools/classify.js';
import { ToolFailed } from '../../src/tools/errors.js';
import { requireProgram } from '../../src/tools/programs.js';
import {
  type AssemblyEnd,
  assemble,
  assembleReads,
  type Correction,
  correct,
  correctReads,
  spadesProgress,
} from '../../src/tools/spades.js';
import { script, tempFolder } from './support.js';

const KMERS = [21, 33];
const PATH = process.env.PATH ?? '';
afterEach(() => {
  process.env.PATH = PATH;
});

/** Reads of 100 bases from a genome of 1500, evenly spread; their qualities are all 40 unless given. */
async function reads(folder: string, name: string, count: number, quality = 'I'): Promise<string> {
  let state = 20_190_911;
  const genome = Array.from({ length: 1500 }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return 'ACGT'[state >>> 30];
  }).join('');
  const records = Array.from({ length: count }, (_, n) => {
    const start = Math.floor((n * 1400) / Math.max(1, count - 1));
    return `@read${n}\n${genome.slice(start, start + 100)}\n+\n${quality.repeat(100)}\n`;
  });
  const path = join(folder, name);
  await writeFile(path, records.join(''));
  return path;
}

/** Two files of a thousand pairs, once over a genome of 100,000 bases that has one stretch of 120 bases many times. */
async function manyPieces(folder: string): Promise<string[]> {
  let state = 3;
  const draw = (limit: number) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * limit);
  };
  const stretch = (length: number) => Array.from({ length }, () => 'ACGT'[draw(4)]).join('');
  const repeat = stretch(120);
  let genome = '';
  while (genome.length < 100_000) genome += stretch(400 + draw(400)) + repeat;
  const files = ['', ''];
  for (let n = 0; n < 1000; n++) {
    const start = draw(genome.length - 250);
    const mates = [genome.slice(start, start + 100), reverseComplement(genome.slice(start + 150, start + 250))];
    if (draw(2) === 0) mates.reverse();
    for (const [i, mate] of mates.entries()) files[i] += `@r${n}\n${mate}\n+\n${'I'.repeat(100)}\n`;
  }
  const paths = ['1.fq', '2.fq'].map((name) => join(folder, name));
  await Promise.all(paths.map((path, i) => writeFile(path, files[i] ?? '')));
  return paths;
}

const correction = async (
  folder: string,
  paths: readonly string[],
  changes: Partial<Correction> = {},
): Promise<Correction> => ({
  reads: paths,
  threads: 1,
  memoryGib: 2,
  phredOffset: 33,
  folder: await mkdtemp(join(folder, 'out-')),
  ...changes,
});

/** Corrects and assembles. */
async function run(input: Correction, onFraction?: (fraction: number) => void): Promise<AssemblyEnd> {
  const { folder, memoryGib } = input;
  if (!(await correctReads(input, {}))) return { isAssembled: false, failedAt: undefined };
  return assembleReads({ folder, memoryGib, kmers: KMERS }, onFraction ? { onFraction } : {});
}

const scaffoldsIn = (folder: string) => readFile(join(folder, 'scaffolds.fasta'), 'utf8');

const failureOf = async (input: Correction): Promise<ToolFailed> => {
  const error = await run(input).catch((reason) => reason);
  expect(error).toBeInstanceOf(ToolFailed);
  return error;
};

test('the command lines carry the memory that was granted, and the threads only for the correction', () => {
  const input = { threads: 8, memoryGib: 7.5, folder: '/t' };
  const line = (given: Partial<Correction>) => correct({ ...input, reads: [], ...given }).argv.join(' ');
  expect(line({ reads: ['/a/unmapped_hosts.fq'] })).toBe(
    'spades.py -t 8 -m 7 -s /a/unmapped_hosts.fq -o /t --disable-gzip-output --stop-after ec',
  );
  expect(line({ reads: ['/a/1.fq', '/a/2.fq'], phredOffset: 33, threads: 0 })).toBe(
    'spades.py -t 1 -m 7 --phred-offset 33 -1 /a/1.fq -2 /a/2.fq -o /t --disable-gzip-output --stop-after ec',
  );
  const { argv, env } = assemble({ ...input, kmers: [21, 33, 55, 75] });
  expect(argv.join(' ')).toBe('spades.py -t 2 -m 7 -o /t --restart-from as -k 21,33,55,75');
  expect(env).toMatchObject({ OMP_NUM_THREADS: '2' });
});

describe('an assembly', () => {
  test('of reads with a constant quality is shown as it goes on', async () => {
    await using folder = await tempFolder();
    const path = await reads(folder.path, 'reads.fq', 400);
    const shown: number[] = [];
    const input = await correction(folder.path, [path]);
    expect(await run(input, (fraction) => shown.push(fraction))).toEqual({ isAssembled: true });
    expect(await scaffoldsIn(input.folder)).toMatch(/^>NODE_1_length_1[45]\d\d_/);
    expect(Math.max(...shown)).toBe(1);
  });

  // With one thread and with two of its own, SPAdes makes 87 and 88 scaffolds of these pairs.
  test('has the same bytes with 1, 2 and 8 threads, whatever memory it may use', { timeout: 240_000 }, async () => {
    await using folder = await tempFolder();
    const paths = await manyPieces(folder.path);
    const made: string[] = [];
    for (const [threads, memoryGib] of [
      [1, 2],
      [2, 12],
      [8, 4],
    ] as const) {
      const input = await correction(folder.path, paths, { threads, memoryGib });
      expect(await run(input)).toEqual({ isAssembled: true });
      made.push(await scaffoldsIn(input.folder));
    }
    expect(made[0]?.match(/>/g)?.length).toBeGreaterThan(50);
    expect(made[1]).toBe(made[0]);
    expect(made[2]).toBe(made[0]);
  });

  // SPAdes cannot tell the offset of such reads: that is why it is given.
  test('of reads with a constant quality needs their offset', async () => {
    await using folder = await tempFolder();
    const path = await reads(folder.path, 'reads.fq', 400);
    const error = await failureOf(await correction(folder.path, [path], { phredOffset: undefined }));
    expect(explain(error)).toMatchObject({ class: 'invalid_input', tool: 'SPAdes' });
  });

  test('of too few reads gives nothing, and tells at which length of k-mers', async () => {
    await using folder = await tempFolder();
    const few = await reads(folder.path, 'few.fq', 8);
    expect(await run(await correction(folder.path, [few]))).toEqual({ isAssembled: false, failedAt: 21 });
    const short = join(folder.path, 'short.fq');
    await writeFile(short, '@a\nACGTACGTACGTACGTACGT\n+\nIIIIIIIIIIIIIIIIIIII\n');
    expect(await run(await correction(folder.path, [short]))).toEqual({ isAssembled: false, failedAt: undefined });
  });

  // The exit code is that of too few reads.
  test('of unequal mates fails', async () => {
    await using folder = await tempFolder();
    const pair = [await reads(folder.path, '1.fq', 400), await reads(folder.path, '2.fq', 399)];
    const error = await failureOf(await correction(folder.path, pair));
    expect(error.run.exitCode).toBe(21);
    expect(explain(error)?.class).toBe('tool_failed');
    expect(error.run.stderrTail.join('\n')).toContain('unequal amount of reads');
  });
});

// The real program under a limit of the system, which is what it sets for itself with `-m`.
test.each([350_000, 100_000])('an assembly that runs out of its %d kB ends as out of memory', async (limitKb) => {
  await using folder = await tempFolder();
  const spades = requireProgram('spades.py');
  await script(folder.path, 'spades.py', `ulimit -v ${limitKb}; exec "${spades}" "$@"`);
  const path = await reads(folder.path, 'reads.fq', 400);
  process.env.PATH = `${folder.path}${delimiter}${PATH}`;
  const error = await failureOf(await correction(folder.path, [path], { threads: 2 }));
  expect(explain(error)).toMatchObject({ class: 'out_of_memory', tool: 'SPAdes' });
});

test('progress follows the stages', () => {
  const progress = spadesProgress(KMERS);
  const lines = [
    '===== Read error correction started. ',
    '===== K21 started. ',
    '===== K21 finished. ',
    'INFO',
    '===== Copy files finished. ',
  ];
  expect(lines.map(progress)).toEqual([undefined, 0.25, 0.5, undefined, 1]);
});
