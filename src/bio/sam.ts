import type { Alignment } from './vta.js';

/** Alignments with a lower p-score are not used anywhere. */
export const MIN_P_SCORE = 0.01;

const AT_SIGN = 64;
const ASTERISK = 42;
const MINUS = 45;
const UNMAPPED_FLAG = 4;
/** Columns between POS and SEQ: MAPQ, CIGAR, RNEXT, PNEXT, TLEN. */
const COLUMNS_BEFORE_SEQUENCE = 5;

/**
 * Reads a line of an aligner's SAM output. Undefined for what is skipped: header lines (`@`), blank lines, unmapped reads
 * (flag 4), reference `*`. The p-score is the integer of the first `AS:i:` field plus the length of column SEQ (a `*` there counts
 * as 1). Throws `Could not find alignment score` without such a field, and on a line that is not SAM; `cause` has its beginning.
 * No cut-off is applied, see `isAccepted`. The texts of the result may share memory with the line.
 */
export function parseSamLine(line: string): Alignment | undefined {
  if (line.length === 0 || line.charCodeAt(0) === AT_SIGN) return undefined;
  const nameEnd = line.indexOf('\t');
  const flagEnd = line.indexOf('\t', nameEnd + 1);
  const referenceEnd = line.indexOf('\t', flagEnd + 1);
  const positionEnd = line.indexOf('\t', referenceEnd + 1);
  if (nameEnd < 0 || flagEnd < 0 || referenceEnd < 0 || positionEnd < 0) {
    if (line.trim() === '') return undefined;
    throw notSam(line);
  }
  if ((parseInteger(line, nameEnd + 1, flagEnd) & UNMAPPED_FLAG) !== 0) return undefined;
  if (referenceEnd === flagEnd + 2 && line.charCodeAt(flagEnd + 1) === ASTERISK) return undefined;

  let sequenceAt = positionEnd + 1;
  for (let column = 0; column < COLUMNS_BEFORE_SEQUENCE; column++) {
    const end = line.indexOf('\t', sequenceAt);
    if (end < 0) throw notSam(line);
    sequenceAt = end + 1;
  }
  const sequenceEnd = line.indexOf('\t', sequenceAt);
  if (sequenceEnd < 0) throw notSam(line);
  const length = sequenceEnd - sequenceAt;
  return {
    read: line.slice(0, nameEnd),
    reference: line.slice(flagEnd + 1, referenceEnd),
    position: parseInteger(line, referenceEnd + 1, positionEnd),
    length,
    score: alignmentScore(line, sequenceEnd + 1) + length,
  };
}

/** Whether an alignment is good enough for the mapping steps: p-score at least 0.01. */
export function isAccepted(alignment: Alignment): boolean {
  return alignment.score >= MIN_P_SCORE;
}

/** Collects the names of the reference sequences with an accepted alignment. */
export type CandidateReferences = {
  /** Takes a SAM line; true if it was an accepted alignment. */
  addSamLine(line: string): boolean;
  /** The names so far, sorted by code unit: the same set gives the same order. */
  sorted(): string[];
};

export function createCandidateReferences(): CandidateReferences {
  const names = new Set<string>();
  return {
    addSamLine(line) {
      const alignment = parseSamLine(line);
      if (alignment === undefined || !isAccepted(alignment)) return false;
      if (!names.has(alignment.reference)) names.add(detached(alignment.reference));
      return true;
    },
    sorted: () => [...names].sort(),
  };
}

/** A copy with memory of its own: a slice of a line keeps the whole chunk alive that the line came in. */
export function detached(text: string): string {
  return Buffer.from(text, 'utf8').toString('utf8');
}

function alignmentScore(line: string, qualityAt: number): number {
  const qualityEnd = line.indexOf('\t', qualityAt);
  const tag = qualityEnd < 0 ? -1 : line.indexOf('\tAS:i:', qualityEnd);
  if (tag < 0) throw new Error('Could not find alignment score', { cause: line.slice(0, 200) });
  const start = tag + '\tAS:i:'.length;
  const tab = line.indexOf('\t', start);
  return parseInteger(line, start, tab < 0 ? line.trimEnd().length : tab);
}

function parseInteger(line: string, start: number, end: number): number {
  const negative = line.charCodeAt(start) === MINUS;
  let value = 0;
  let i = negative ? start + 1 : start;
  if (i >= end) throw notSam(line);
  for (; i < end; i++) {
    const digit = line.charCodeAt(i) - 48;
    if (digit < 0 || digit > 9) throw notSam(line);
    value = value * 10 + digit;
  }
  return negative ? -value : value;
}

function notSam(line: string): Error {
  return new Error(`Not a SAM line: '${line.slice(0, 200)}'`);
}
