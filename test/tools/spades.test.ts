import { readFile, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { explain } from '../../src/tools/classify.js';
import { ToolFailed } from '../../src/tools/errors.js';
import { requireProgram } from '../../src/tools/programs.js';
import { type Assembly, assemble, runSpades, spadesProgress } from '../../src/tools/spades.js';
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

const assembly = (folder: string, paths: readonly string[], changes: Partial<Assembly> = {}): Assembly => ({
  reads: paths,
  kmers: KMERS,
  threads: 1,
  memoryGib: 2,
  phredOffset: 33,
  folder: join(folder, `out-${Math.random()}`),
  ...changes,
});

const failureOf = async (input: Assembly): Promise<ToolFailed> => {
  const error = await runSpades(input, {}).catch((reason) => reason);
  expect(error).toBeInstanceOf(ToolFailed);
  return error;
};

test('the command lines are those of the contract, with the threads and the memory that were granted', () => {
  const input = { kmers: [21, 33, 55, 75], threads: 2, memoryGib: 7.5, folder: '/t' };
  expect(assemble({ ...input, reads: ['/a/unmapped_hosts.fq'] }).argv.join(' ')).toBe(
    'spades.py -t 2 -m 7 -s /a/unmapped_hosts.fq -o /t -k 21,33,55,75',
  );
  expect(assemble({ ...input, reads: ['/a/1.fq', '/a/2.fq'], phredOffset: 33, threads: 0 }).argv.join(' ')).toBe(
    'spades.py -t 1 -m 7 --phred-offset 33 -1 /a/1.fq -2 /a/2.fq -o /t -k 21,33,55,75',
  );
});

describe('an assembly', () => {
  test('of reads with a constant quality has the same bytes with 1 and 2 threads', async () => {
    await using folder = await tempFolder();
    const path = await reads(folder.path, 'reads.fq', 400);
    const scaffolds: string[] = [];
    const shown: number[] = [];
    for (const threads of [1, 2]) {
      const input = assembly(folder.path, [path], { threads });
      expect(await runSpades(input, { onFraction: (fraction) => shown.push(fraction) })).toEqual({ isAssembled: true });
      scaffolds.push(await readFile(join(input.folder, 'scaffolds.fasta'), 'utf8'));
    }
    expect(scaffolds[0]).toMatch(/^>NODE_1_length_1[45]\d\d_/);
    expect(scaffolds[1]).toBe(scaffolds[0]);
    expect(Math.max(...shown)).toBe(1);
  });

  // SPAdes cannot tell the offset of such reads: that is why it is given.
  test('of reads with a constant quality needs their offset', async () => {
    await using folder = await tempFolder();
    const path = await reads(folder.path, 'reads.fq', 400);
    const error = await failureOf(assembly(folder.path, [path], { phredOffset: undefined }));
    expect(explain(error)).toMatchObject({ class: 'invalid_input', tool: 'SPAdes' });
  });

  test('of too few reads gives nothing, and tells at which length of k-mers', async () => {
    await using folder = await tempFolder();
    const few = await reads(folder.path, 'few.fq', 8);
    expect(await runSpades(assembly(folder.path, [few]), {})).toEqual({ isAssembled: false, failedAt: 21 });
    const short = join(folder.path, 'short.fq');
    await writeFile(short, '@a\nACGTACGTACGTACGTACGT\n+\nIIIIIIIIIIIIIIIIIIII\n');
    expect(await runSpades(assembly(folder.path, [short]), {})).toEqual({ isAssembled: false, failedAt: undefined });
  });

  // The exit code is that of too few reads.
  test('of unequal mates fails', async () => {
    await using folder = await tempFolder();
    const pair = [await reads(folder.path, '1.fq', 400), await reads(folder.path, '2.fq', 399)];
    const error = await failureOf(assembly(folder.path, pair));
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
  const error = await failureOf(assembly(folder.path, [path], { threads: 2 }));
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
