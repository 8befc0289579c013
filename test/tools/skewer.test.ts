import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ToolFailed } from '../../src/tools/errors.js';
import { runTool } from '../../src/tools/runner.js';
import {
  parseTrimLog,
  parseTrimLosses,
  TRIM_LOG,
  type TrimmingParameters,
  trim,
  trimmedOutputs,
  trimProblem,
} from '../../src/tools/skewer.js';
import { dataFile, sha256, tempFolder } from './support.js';

type Recorded = {
  sets: { paired: boolean; parameters: TrimmingParameters; commands: { proc: number; command: string[] }[] }[];
  extra: { parameters: TrimmingParameters; command: string[] }[];
};

const recorded: Recorded = JSON.parse(await readFile(dataFile('trimming_commands.json'), 'utf8'));
const folder = '/data/caches/abcd1234';

test('the command lines are those that the 3.7.3 server made', () => {
  for (const { paired, parameters, commands } of recorded.sets) {
    const reads = ['/data/samples/sample01/reads_1.fq.gz', '/data/samples/sample01/reads_2.fq.gz'];
    for (const { proc, command } of commands) {
      const made = trim({ parameters, reads: reads.slice(0, paired ? 2 : 1), folder, threads: proc, compress: true });
      expect(made.argv).toEqual(command);
      expect(made.env).toEqual({ LD_LIBRARY_PATH: '/usr/lib/x86_64-linux-gnu' });
    }
  }
  for (const { parameters, command } of recorded.extra) {
    expect(trim({ parameters, reads: ['r1', 'r2'], folder, threads: 4, compress: true }).argv).toEqual(command);
  }
});

test('the offset of the qualities is said where it is known', () => {
  const { parameters } = recorded.sets[0]!;
  const made = (phredOffset?: 33 | 64) => trim({ parameters, reads: ['r1'], folder, threads: 1, phredOffset }).argv;
  expect(made(33).slice(0, 3)).toEqual(['skewer', '-f', 'sanger']);
  expect(made(64).slice(0, 3)).toEqual(['skewer', '-f', 'solexa']);
  expect(made()).not.toContain('-f');
});

test('trimmed reads are the same, in the same order, for one thread and for several', async () => {
  await using temp = await tempFolder();
  for (const { paired, parameters } of recorded.sets) {
    const reads = [dataFile('bad/pair_count_1.fq.gz')];
    if (paired) reads.push(dataFile('bad/pair_count_1.fq.gz'));
    const hashes: string[][] = [];
    for (const threads of [1, 2, 5]) {
      const out = join(temp.path, `${paired}-${parameters.max_length}-${threads}`);
      await mkdir(out);
      await runTool(trim({ parameters, reads, folder: out, threads }));
      hashes.push(await Promise.all(trimmedOutputs(paired).map((name) => sha256(join(out, name)))));
      const counts = parseTrimLog(await readFile(join(out, TRIM_LOG), 'utf8'));
      expect(counts?.processed).toBe(400);
      expect(counts?.available).toBeGreaterThan(0);
    }
    expect(hashes).toEqual([hashes[0], hashes[0], hashes[0]]);
  }
});

async function trimBad(name: string, folder: string): Promise<unknown> {
  const reads = [dataFile(`bad/${name}.fq.gz`)];
  const command = trim({ parameters: recorded.sets[0]!.parameters, reads, folder, threads: 1 });
  const outcome = await runTool(command).catch((e) => e);
  if (outcome instanceof ToolFailed) return outcome.run.problem;
  return trimProblem(parseTrimLog(await readFile(join(folder, TRIM_LOG), 'utf8')), 400);
}

// skewer ends with 0 and leaves a whole-looking file: 223, 188 and 98 of 387 reads here.
test('cut, damaged and malformed input does not go unnoticed although skewer ends with 0', async () => {
  await using temp = await tempFolder();
  expect(await trimBad('reads_truncated', temp.path)).toMatch(/^gzip: .*unexpected end of file/);
  expect(await trimBad('reads_damaged', temp.path)).toMatch(/^gzip: |of 400 reads/);
  expect(await trimBad('reads_quality_length', temp.path)).toContain('saw 100 of 400 reads');
  expect(await trimBad('reads_good', temp.path)).toBeUndefined();
});

test('reads without a final line feed are whole enough', () => {
  expect(trimProblem({ processed: 398, available: 385 }, 400)).toBeUndefined();
  expect(trimProblem({ processed: 397, available: 385 }, 400)).toContain('saw 397 of 400 reads');
  expect(trimProblem(undefined, 400)).toContain('log');
});

test('a log without its summary has no counts; an empty input has zero', () => {
  expect(parseTrimLog('skewer v0.2.2\n')).toBeUndefined();
  expect(parseTrimLog('0 reads processed; of these:\n0 ( -nan%) reads available.\n')).toEqual({
    processed: 0,
    available: 0,
  });
});

test('the log says why reads or pairs were dropped', () => {
  const reads = [
    '400 reads processed; of these:',
    '  1 ( 0.25%) degenerative reads filtered out',
    ' 13 ( 3.25%) reads filtered out by quality control',
    '  2 ( 0.50%) short reads filtered out after trimming by size control',
    '  3 ( 0.75%) empty reads filtered out after trimming by size control',
    '381 (95.25%) reads available; of these:',
  ];
  const losses = { degenerative: 1, quality: 13, short: 2, empty: 3 };
  expect(parseTrimLosses(reads.join('\n'))).toEqual(losses);
  expect(parseTrimLosses(reads.join('\n').replaceAll('reads', 'read pairs'))).toEqual(losses);
  const none = { degenerative: 0, quality: 0, short: 0, empty: 0 };
  expect(parseTrimLosses('0 reads processed; of these:\n')).toEqual(none);
});
