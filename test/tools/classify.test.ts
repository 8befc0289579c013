import { join } from 'node:path';
import { expect, test } from 'vitest';
import { FAILURE_CLASSES } from '../../src/contracts/failures.js';
import { buildIndex, mapDefaultIsolates } from '../../src/tools/bowtie2.js';
import { adviceFor, classify, explain } from '../../src/tools/classify.js';
import type { ToolCommand } from '../../src/tools/command.js';
import { OutputTooLarge, ToolFailed, ToolMissing, type ToolRun, UnsafePath } from '../../src/tools/errors.js';
import { pigzCompress } from '../../src/tools/pigz.js';
import { TOOLS } from '../../src/tools/programs.js';
import { runTool, toFile } from '../../src/tools/runner.js';
import { trim } from '../../src/tools/skewer.js';
import { dataFile, tempFolder, unpacked } from './support.js';

test('what the real tools say about bad input is invalid input', async () => {
  await using folder = await tempFolder();
  const fasta = await unpacked(dataFile('bad/host_good.fa.gz'), join(folder.path, 'host.fa'));
  const index = join(folder.path, 'index');
  await runTool(buildIndex({ fasta, prefix: index, threads: 1 }));
  const reads = (name: string) => [dataFile(`bad/${name}.fq.gz`)];
  const map = (name: string) => mapDefaultIsolates({ index, reads: reads(name), threads: 1 });
  const build = (name: string) =>
    buildIndex({ fasta: dataFile(`bad/${name}.fa.gz`), prefix: join(folder.path, name), threads: 1 });
  const parameters = {
    end_quality: '20',
    mode: 'pe',
    max_error_rate: '0.1',
    max_indel_rate: '0.03',
    max_length: null,
    mean_quality: '25',
    min_length: '20',
  };

  const commands: ToolCommand[] = [
    ...['reads_truncated', 'reads_fasta', 'reads_quality_length', 'reads_text_inside'].map(map),
    ...['host_all_n', 'host_headers_only', 'host_empty_inside'].map(build),
    trim({ parameters, reads: reads('reads_truncated'), folder: folder.path, threads: 1 }),
  ];
  for (const command of commands) {
    const error = await runTool(command, { cwd: folder.path }).catch((e) => e);
    expect(error, command.argv.join(' ')).toBeInstanceOf(ToolFailed);
    expect(classify(error), command.argv.join(' ')).toBe('invalid_input');
  }
});

test('a missing index is not the fault of the input', async () => {
  const command = mapDefaultIsolates({ index: '/no/index', reads: [dataFile('bad/reads_good.fq.gz')], threads: 1 });
  expect(classify(await runTool(command).catch((e) => e))).toBe('tool_failed');
});

test('a full disk is told from the message of the real tool', async () => {
  await using folder = await tempFolder();
  const from = await unpacked(dataFile('bad/host_good.fa.gz'), join(folder.path, 'host.fa'));
  const command = pigzCompress({ from, threads: 1 });
  const error = await runTool(command, { stdout: toFile('/dev/full') }).catch((e) => e);
  expect(classify(error)).toBe('out_of_disk');
});

function failed(run: Partial<ToolRun>): ToolFailed {
  return new ToolFailed({
    command: ['bowtie2'],
    exitCode: 1,
    signal: null,
    stderrTail: [],
    wallSeconds: 1,
    ...run,
  });
}

test.each([
  [{ stderrTail: ['gzip: stdout: No space left on device'] }, 'out_of_disk'],
  [{ exitCode: 0, problem: 'Failed to process file x', stderrTail: ['write: No space left on device'] }, 'out_of_disk'],
  [{ exitCode: 245, freeDiskBytes: 4096 }, 'out_of_disk'],
  [{ exitCode: 245, freeDiskBytes: 2e6 }, 'out_of_disk'],
  [{ exitCode: 245, freeDiskBytes: 1e9 }, 'tool_failed'],
  [{ signal: 'SIGKILL', exitCode: null, killed: 'memory' }, 'out_of_memory'],
  [{ signal: 'SIGKILL', exitCode: null, killed: 'outside' }, 'tool_failed'],
  [{ exitCode: 247, killed: 'outside', freeDiskBytes: 4096, stderrTail: ['std::bad_alloc'] }, 'tool_failed'],
  [{ exitCode: 134, stderrTail: ["terminate called after throwing an instance of 'std::bad_alloc'"] }, 'out_of_memory'],
  [{ stderrTail: ['Please try indexing this reference on a computer with more memory.'] }, 'out_of_memory'],
  [{ command: ['/opt/bin/spades.py'], stderrTail: ['Error in malloc(): out of memory'] }, 'out_of_memory'],
  [{ command: ['hmmscan'], stderrTail: ['Error: Sequence file orfs.fa is empty or misformatted'] }, 'invalid_input'],
  [{ command: ['hmmpress'], stderrTail: ['bad file format in HMM file profiles.hmm'] }, 'invalid_input'],
  [{ stderrTail: ['something new'] }, 'tool_failed'],
  [{ command: ['unknown-tool'], stderrTail: ['is empty or misformatted'] }, 'tool_failed'],
] as const)('%j is %s', (run, expected) => {
  expect(classify(failed(run as Partial<ToolRun>))).toBe(expected);
});

test('every tool and class has one sentence of advice', () => {
  for (const tool of [...TOOLS.map(({ id }) => id), undefined]) {
    for (const failureClass of FAILURE_CLASSES) expect(adviceFor(tool, failureClass)).toMatch(/^[A-Z].{20,}\.$/);
  }
});

test('every error of the tools is explained, and no other', () => {
  expect(explain(failed({ stderrTail: ['std::bad_alloc'] }))).toMatchObject({
    class: 'out_of_memory',
    tool: 'Bowtie 2',
  });
  expect(explain(new ToolMissing('skewer', 'Install it.'))).toMatchObject({ class: 'tool_failed', tool: 'skewer' });
  expect(explain(new OutputTooLarge(5))).toMatchObject({ class: 'invalid_input' });
  expect(explain(new UnsafePath('x'))).toMatchObject({ class: 'tool_failed' });
  expect(explain(new Error('x'))).toBeUndefined();
});
