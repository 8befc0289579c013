import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { assessQuality } from '../../src/tools/fastqc.js';
import { fastqcProgress } from '../../src/tools/progress.js';
import { runTool } from '../../src/tools/runner.js';
import { dataFile, tempFolder } from './support.js';

test('the command line is that of the contract', () => {
  const command = assessQuality({ reads: ['/s/reads_1.fq.gz', '/s/reads_2.fq.gz'], folder: '/s/fastqc', threads: 2 });
  expect(command.argv.join(' ')).toBe('fastqc -f fastq -o /s/fastqc -t 2 --extract /s/reads_1.fq.gz /s/reads_2.fq.gz');
});

test('good reads get a report, and progress is told on the way', async () => {
  await using temp = await tempFolder();
  const progress = fastqcProgress(1);
  const fractions: number[] = [];
  const onStderr = (line: string) => {
    const fraction = progress(line);
    if (fraction !== undefined) fractions.push(fraction);
  };
  const reads = join(temp.path, 'many.fq');
  await writeFile(reads, Array.from({ length: 20_000 }, (_, n) => `@r${n}\nACGTACGTACGT\n+\nIIIIIIIIIIII\n`).join(''));
  await runTool(assessQuality({ reads: [reads], folder: temp.path, threads: 1 }), { onStderr });
  const report = await readFile(join(temp.path, 'many_fastqc', 'fastqc_data.txt'), 'utf8');
  expect(report).toContain('Total Sequences\t20000');
  expect(fractions.at(-1)).toBe(1);
});

// FastQC ends with 0 and reports on the part of the file that it could read, or not at all.
test('cut or damaged reads fail the run although FastQC ends with 0', async () => {
  await using temp = await tempFolder();
  for (const name of ['reads_truncated', 'reads_damaged']) {
    const command = assessQuality({ reads: [dataFile(`bad/${name}.fq.gz`)], folder: temp.path, threads: 1 });
    const error = await runTool(command).catch((e) => e);
    expect(error.run, name).toMatchObject({ exitCode: 0, problem: expect.any(String) });
  }
});

test('progress of a pair is the mean of both files and never falls', () => {
  const progress = fastqcProgress(2);
  const told = ['1', '2'].flatMap((n) =>
    [10, 50, 100].map((p) => progress(`Approx ${p}% complete for reads_${n}.fq.gz`)),
  );
  expect(told).toEqual([0.05, 0.25, 0.5, 0.55, 0.75, 1]);
  expect(progress('Approx 5% complete for reads_1.fq.gz')).toBeUndefined();
  expect(progress('Started analysis of reads_1.fq.gz')).toBeUndefined();
});
