import { type ToolCommand, threadCount } from './command.js';

/** Quality report of one read file or a pair: `<folder>/<name>_fastqc/fastqc_data.txt` for each. */
export function assessQuality(input: { reads: readonly string[]; folder: string; threads: number }): ToolCommand {
  const threads = threadCount(input.threads);
  return {
    argv: ['fastqc', '-f', 'fastq', '-o', input.folder, '-t', threads, '--extract', ...input.reads],
    isFailureLine: isFastqcFailure,
  };
}

/**
 * FastQC ends with 0 although a file has no report, or one of only the first part of a cut file. Text behind the gzip
 * stream is not among the failures: the reads before it are whole.
 */
function isFastqcFailure(line: string): boolean {
  return /^Failed to process|^Ran out of memory for|^Skipping '|EOFException: Unexpected end of ZLIB/.test(line);
}
