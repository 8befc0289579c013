import { join } from 'node:path';
import { type ToolCommand, threadCount } from './command.js';

/** Trimming parameters as they are stored and hashed: strings, except for the lengths of small RNA. */
export type TrimmingParameters = {
  end_quality: string | number;
  mode: string;
  max_error_rate: string | number;
  max_indel_rate: string | number;
  max_length: string | number | null;
  mean_quality: string | number;
  min_length: string | number;
};

/** Trims one read file or a pair into `folder`. The records and their order do not depend on the number of threads. */
export function trim(input: {
  parameters: TrimmingParameters;
  reads: readonly string[];
  folder: string;
  threads: number;
  /** Offset of the Phred qualities. Without it skewer guesses from the first telling character: `K` or above is 64 to it. */
  phredOffset?: 33 | 64 | undefined;
  /** Lets skewer compress its output, as the original server did: that takes five times as long as the trimming. */
  compress?: boolean;
}): ToolCommand {
  const p = input.parameters;
  const rates = ['-r', String(p.max_error_rate), '-d', String(p.max_indel_rate), '-m', p.mode];
  const quality = ['-l', String(p.min_length), '-q', String(p.end_quality), '-Q', String(p.mean_quality)];
  const output = ['-t', threadCount(input.threads), '-o', join(input.folder, 'reads'), '-n'];
  const last = [...(input.compress ? ['-z'] : []), '--quiet'];
  const format = input.phredOffset === undefined ? [] : ['-f', FORMAT_NAMES[input.phredOffset]];
  const longest = p.max_length ? ['-L', String(p.max_length), '-e'] : [];
  return {
    argv: ['skewer', ...format, ...rates, ...quality, ...output, ...last, ...longest, ...input.reads],
    env: { LD_LIBRARY_PATH: '/usr/lib/x86_64-linux-gnu' },
    isFailureLine: isSkewerFailure,
  };
}

const FORMAT_NAMES = { 33: 'sanger', 64: 'solexa' } as const;

/**
 * skewer ends with 0 although the gzip (or igzip) that unpacks its input failed. When skewer stops reading first, that one dies
 * without a word: `trimProblem` finds those cases.
 */
function isSkewerFailure(line: string): boolean {
  return /^(sh: .*)?i?gzip: /.test(line) && !/trailing garbage ignored/.test(line);
}

/** Names of the files of trimmed reads, within the folder that was given to `trim`; compressed ones end in `.gz` too. */
export function trimmedOutputs(paired: boolean): string[] {
  return paired ? ['reads-trimmed-pair1.fastq', 'reads-trimmed-pair2.fastq'] : ['reads-trimmed.fastq'];
}

/** Name of skewer's log, in the same folder. */
export const TRIM_LOG = 'reads-trimmed.log';

/** How many reads (or pairs) skewer saw and kept. */
export type TrimCounts = { processed: number; available: number };

/** Reads the counts from skewer's log, `undefined` when it is not complete. */
export function parseTrimLog(text: string): TrimCounts | undefined {
  const processed = /^\s*(\d+) (?:reads|read pairs) processed/m.exec(text)?.[1];
  const available = /^\s*(\d+) \([^)]*\) (?:reads|read pairs) available/m.exec(text)?.[1];
  return processed === undefined || available === undefined
    ? undefined
    : { processed: Number(processed), available: Number(available) };
}

/** Reads (or pairs) that skewer dropped, by its reason: too many N, mean quality, length after the trimming (0 is `empty`). */
export type TrimLosses = { degenerative: number; quality: number; short: number; empty: number };

/** Reads from skewer's log why it dropped reads. */
export function parseTrimLosses(text: string): TrimLosses {
  const count = (words: string) => Number(new RegExp(`^\\s*(\\d+) \\([^)]*\\) ${words}`, 'm').exec(text)?.[1] ?? 0);
  const ofSize = (kind: string) => count(`${kind} (?:reads|read pairs) filtered out after trimming`);
  return {
    degenerative: count('degenerative (?:reads|read pairs) filtered out'),
    quality: count('(?:reads|read pairs) filtered out by quality control'),
    ...{ short: ofSize('short'), empty: ofSize('empty') },
  };
}

/** A last record without a final line feed is dropped, sometimes with the one before it. */
const READS_LOST_AT_END = 2;

/**
 * What is wrong with a run of skewer that ended with 0, `undefined` when nothing is. skewer stops at the first malformed
 * record, so the reads (or pairs) that it saw are compared with those that the sample has.
 */
export function trimProblem(counts: TrimCounts | undefined, expected: number): string | undefined {
  if (counts === undefined) return 'skewer did not complete its log';
  if (counts.processed >= expected - READS_LOST_AT_END) return undefined;
  return `skewer stopped at a malformed record: it saw ${counts.processed} of ${expected} reads`;
}
