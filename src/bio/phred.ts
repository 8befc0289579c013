/** Number of character codes that are counted: all of ASCII. */
export const QUALITY_CODES = 128;

/** Solexa's lowest quality (-5) and the highest that Illumina wrote (41), with 64 added. */
const LOWEST_OF_64 = ';'.charCodeAt(0);
const HIGHEST_OF_64 = 'i'.charCodeAt(0);
/** Illumina 1.5 marks poor ends with it, however good the bases before them are. */
const END_MARK_OF_64 = 'B'.charCodeAt(0);
/** 30 with 64. With 33 it is 61: no sequencer writes that, consensus reads do, which reach beyond `i` or fall below `;` as well. */
const GOOD_OF_64 = '^'.charCodeAt(0);
/** 17 with 64; 48 with 33, above what sequencers write for most of their bases. */
const TYPICAL_OF_64 = 'Q'.charCodeAt(0);
const TYPICAL_SHARE = 1 / 3;
/** Merged mates have the qualities of one read (33 to 42 with 33) and sums of two, and next to nothing between. */
const SINGLE = { from: 'C'.charCodeAt(0), to: 'K'.charCodeAt(0) };
const BETWEEN = { from: 'L'.charCodeAt(0), to: 'S'.charCodeAt(0) };
const SINGLE_SHARE = 0.15;
const BETWEEN_OF_SINGLE = 0.25;

/** What is added to a Phred quality to make a character of it. */
export type PhredOffset = 33 | 64;

/** The offset of a sample, with the lowest and the highest quality character (codes; null without any) and the reason in words. */
export type PhredDecision = {
  offset: PhredOffset;
  lowest: number | null;
  highest: number | null;
  reason: string;
};

/** Counts of the quality characters of all files of a sample, by character code. */
export class QualityCharacters {
  readonly counts = new Float64Array(QUALITY_CODES);

  /** Adds the counts of a file. */
  add(counts: Float64Array): void {
    counts.forEach((count, code) => {
      this.counts[code] = (this.counts[code] as number) + count;
    });
  }
}

/**
 * Decides between Phred+33 and Phred+64 from how often each quality character occurs in a sample. It is 33 unless all of this holds: no
 * character lies outside of what was written with 64 (`;` to `i`), good qualities of 64 (`^` and above) occur, a third of the characters are
 * `Q` or above, end marks `B` apart, and they do not look like merged mates.
 *
 * @param counts by character code, `QUALITY_CODES` of them.
 */
export function decidePhredOffset(counts: Float64Array): PhredDecision {
  const lowest = counts.findIndex((count) => count > 0);
  if (lowest < 0) return { offset: 33, lowest: null, highest: null, reason: 'There are no qualities.' };
  const highest = counts.findLastIndex((count) => count > 0);
  const [offset, reason] = decide(counts, lowest, highest);
  return { offset, lowest, highest, reason };
}

/**
 * The first of a sample's files that must have been written with 64 while others of them cannot: no offset fits them all. Undefined when
 * one does.
 *
 * @param files the counts of each file.
 */
export function findDifferingFile(files: readonly Float64Array[]): number | undefined {
  const sample = new QualityCharacters();
  for (const counts of files) sample.add(counts);
  if (decidePhredOffset(sample.counts).offset === 64) return undefined;
  const differing = files.findIndex((counts) => decidePhredOffset(counts).offset === 64);
  return differing < 0 ? undefined : differing;
}

/** FastQC's name of the encoding of a sample's qualities. */
export function encodingName(offset: PhredOffset, lowest: number | null): string {
  if (offset === 33) return 'Sanger / Illumina 1.9';
  return lowest === 65 ? 'Illumina 1.3' : 'Illumina 1.5';
}

function decide(counts: Float64Array, lowest: number, highest: number): [PhredOffset, string] {
  const range = `the characters go from '${show(lowest)}' to '${show(highest)}'`;
  if (lowest < LOWEST_OF_64) return [33, `Phred+33: ${range}, and those below ';' exist with 33 alone.`];
  if (highest > HIGHEST_OF_64) return [33, `Phred+33: ${range}, and those above 'i' exist with 33 alone.`];
  if (highest < GOOD_OF_64) return [33, `Phred+33: ${range}, where Phred+64 would have no good base.`];

  const ofReads = counts.slice();
  ofReads[END_MARK_OF_64] = 0;
  const all = countBetween(ofReads, 0, HIGHEST_OF_64);
  const share = countBetween(ofReads, TYPICAL_OF_64, HIGHEST_OF_64) / all;
  if (share < TYPICAL_SHARE) return [33, `Phred+33: ${range}, and most are such as are written with 33.`];
  const single = countBetween(ofReads, SINGLE.from, SINGLE.to);
  const between = countBetween(ofReads, BETWEEN.from, BETWEEN.to);
  if (single >= SINGLE_SHARE * all && between < BETWEEN_OF_SINGLE * single)
    return [33, `Phred+33: ${range} in two groups, as in merged mates.`];
  return [64, `Phred+64: ${range}, and most are such as no platform writes with 33.`];
}

function countBetween(counts: Float64Array, from: number, to: number): number {
  return counts.subarray(from, to + 1).reduce((sum, count) => sum + count, 0);
}

function show(code: number): string {
  return String.fromCharCode(code);
}
