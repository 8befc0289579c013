import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { findProgram } from '../../src/tools/programs.js';
import { runTool } from '../../src/tools/runner.js';

/**
 * Whether FastQC is here. The server does without it, so a developer need not have it (and Java); its stored reports are compared all the same,
 * and `.ci/run` installs it.
 */
export const hasFastqc = findProgram('fastqc') !== undefined;

/** What FastQC reports of FASTQ files (`fastqc_data.txt`), in their order; it works in `folder`. */
export async function runFastqc(reads: readonly string[], folder: string): Promise<string[]> {
  await runTool({
    argv: ['fastqc', '-f', 'fastq', '-o', folder, '-t', '2', '--extract', ...reads],
    env: { JAVA_TOOL_OPTIONS: '-XX:+UseSerialGC -XX:TieredStopAtLevel=1' },
  });
  const texts = reads.map((path) => join(folder, `${basename(path).replace(/\.fq$/, '')}_fastqc`, 'fastqc_data.txt'));
  return Promise.all(texts.map((path) => readFile(path, 'utf8')));
}
