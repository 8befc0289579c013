import { type ToolCommand, threadCount } from './command.js';

/** Up to this many compressed bytes Java's second compiler costs more than it saves. */
const SMALL_READS_BYTES = 16_000_000;

/**
 * Quality report of one read file or a pair: `<folder>/<name>_fastqc/fastqc_data.txt` for each. `sizeBytes` is that of all reads; with it Java
 * compiles no more than pays off.
 */
export function assessQuality(input: {
  reads: readonly string[];
  folder: string;
  threads: number;
  sizeBytes?: number;
}): ToolCommand {
  const threads = threadCount(input.threads);
  const isSmall = (input.sizeBytes ?? SMALL_READS_BYTES) < SMALL_READS_BYTES;
  const java = ['-XX:+UseSerialGC', ...(isSmall ? ['-XX:TieredStopAtLevel=1'] : [])].join(' ');
  return {
    argv: ['fastqc', '-f', 'fastq', '-o', input.folder, '-t', threads, '--extract', ...input.reads],
    // Somebody's own options may name another collector, and Java refuses two.
    env: process.env.JAVA_TOOL_OPTIONS === undefined ? { JAVA_TOOL_OPTIONS: java } : {},
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
