import { NameTable } from './pathoscope/name_table.js';
import type { Alignment, AlignmentFields } from './vta.js';

/** Alignments with a lower p-score are not used anywhere. */
export const MIN_P_SCORE = 0.01;

const TAB = 9;
const SCORE_TAG = Buffer.from('AS:i:', 'latin1');
const AT_SIGN = 64;
const ASTERISK = 42;
const MINUS = 45;
const UNMAPPED_FLAG = 4;
/** Columns between CIGAR and SEQ: RNEXT, PNEXT, TLEN. */
const COLUMNS_BEFORE_SEQUENCE = 3;

/** Reads SAM lines from bytes without making a text of them. */
export class SamReader implements AlignmentFields {
  bytes: Uint8Array = new Uint8Array(0);
  readStart = 0;
  readEnd = 0;
  referenceStart = 0;
  referenceEnd = 0;
  position = 0;
  length = 0;
  score = 0;
  cigarStart = 0;
  cigarEnd = 0;

  /** Reads the line that is `start` to `end` of some bytes: true if it is an alignment. Rules and errors are those of `parseSamLine`. */
  read(bytes: Uint8Array, start: number, end: number): boolean {
    if (start === end || bytes[start] === AT_SIGN) return false;
    const nameEnd = tabFrom(bytes, start, end);
    const flagEnd = tabFrom(bytes, nameEnd + 1, end);
    const referenceEnd = tabFrom(bytes, flagEnd + 1, end);
    const positionEnd = tabFrom(bytes, referenceEnd + 1, end);
    if (positionEnd >= end) {
      if (textOf(bytes, start, end).trim() === '') return false;
      throw notSam(bytes, start, end);
    }
    if ((parseInteger(bytes, nameEnd + 1, flagEnd, start, end) & UNMAPPED_FLAG) !== 0) return false;
    if (referenceEnd === flagEnd + 2 && bytes[flagEnd + 1] === ASTERISK) return false;

    const cigarStart = tabFrom(bytes, positionEnd + 1, end) + 1;
    const cigarEnd = tabFrom(bytes, cigarStart, end);
    let sequenceAt = cigarEnd + 1;
    for (let column = 0; column < COLUMNS_BEFORE_SEQUENCE; column++) sequenceAt = tabFrom(bytes, sequenceAt, end) + 1;
    // Long, so worth a call that finds a byte many at a time.
    const sequenceEnd = bytes.indexOf(TAB, sequenceAt);
    if (sequenceEnd < 0 || sequenceEnd >= end) throw notSam(bytes, start, end);
    this.bytes = bytes;
    this.readStart = start;
    this.readEnd = nameEnd;
    this.referenceStart = flagEnd + 1;
    this.referenceEnd = referenceEnd;
    this.position = parseInteger(bytes, referenceEnd + 1, positionEnd, start, end);
    this.length = sequenceEnd - sequenceAt;
    this.cigarStart = cigarStart;
    this.cigarEnd = cigarEnd;
    const scoreAt = scoreStart(bytes, qualityEnd(bytes, sequenceEnd, this.length, end), start, end);
    this.score = parseInteger(bytes, scoreAt, valueEnd(bytes, scoreAt, end), start, end) + this.length;
    return true;
  }
}

/**
 * Reads a line of an aligner's SAM output. Undefined for what is skipped: header lines (`@`), blank lines, unmapped reads
 * (flag 4), reference `*`. The p-score is the integer of the first `AS:i:` field plus the length of column SEQ (a `*` there counts
 * as 1). Throws `Could not find alignment score` without such a field, and on a line that is not SAM; `cause` has its beginning.
 * No cut-off is applied, see `isAccepted`.
 */
export function parseSamLine(line: string): Alignment | undefined {
  const bytes = Buffer.from(line, 'utf8');
  const reader = new SamReader();
  if (!reader.read(bytes, 0, bytes.length)) return undefined;
  const { position, length, score } = reader;
  const reference = textOf(bytes, reader.referenceStart, reader.referenceEnd);
  return { read: textOf(bytes, reader.readStart, reader.readEnd), reference, position, length, score };
}

/** Whether an alignment is good enough for the mapping steps: p-score at least 0.01. */
export function isAccepted(alignment: Pick<Alignment, 'score'>): boolean {
  return alignment.score >= MIN_P_SCORE;
}

/** Collects the names of the reference sequences with an accepted alignment. */
export type CandidateReferences = {
  /** Takes a SAM line; true if it was an accepted alignment. */
  addSamLine(line: string): boolean;
  /** Takes the line that is `start` to `end` of some bytes. */
  addSamBytes(bytes: Uint8Array, start: number, end: number): boolean;
  /** The names so far, sorted by code unit: the same set gives the same order. */
  sorted(): string[];
};

export function createCandidateReferences(): CandidateReferences {
  const names = new NameTable();
  const reader = new SamReader();
  const addSamBytes = (bytes: Uint8Array, start: number, end: number) => {
    if (!reader.read(bytes, start, end) || !isAccepted(reader)) return false;
    names.addBytes(bytes, reader.referenceStart, reader.referenceEnd);
    return true;
  };
  return {
    addSamLine(line) {
      const bytes = Buffer.from(line, 'utf8');
      return addSamBytes(bytes, 0, bytes.length);
    },
    addSamBytes,
    sorted: () => names.texts().sort(),
  };
}

/** The next tab from an index on, or the end. */
function tabFrom(bytes: Uint8Array, from: number, end: number): number {
  let i = from;
  while (i < end && bytes[i] !== TAB) i++;
  return i;
}

/** QUAL is as long as SEQ, or a `*`. */
function qualityEnd(bytes: Uint8Array, sequenceEnd: number, length: number, end: number): number {
  if (bytes[sequenceEnd + 1] === ASTERISK && bytes[sequenceEnd + 2] === TAB) return Math.min(sequenceEnd + 2, end);
  const expected = sequenceEnd + 1 + length;
  return expected < end && bytes[expected] === TAB ? expected : tabFrom(bytes, sequenceEnd + 1, end);
}

function scoreStart(bytes: Uint8Array, qualityEnd: number, start: number, end: number): number {
  for (let tab = qualityEnd; tab < end; tab = tabFrom(bytes, tab + 1, end)) {
    if (isScoreTag(bytes, tab + 1)) return tab + 1 + SCORE_TAG.length;
  }
  throw new Error('Could not find alignment score', { cause: textOf(bytes, start, Math.min(end, start + 200)) });
}

function isScoreTag(bytes: Uint8Array, at: number): boolean {
  for (let i = 0; i < SCORE_TAG.length; i++) if (bytes[at + i] !== SCORE_TAG[i]) return false;
  return true;
}

/** The end of a field's value; a carriage return or blank at the end of the line is none of it. */
function valueEnd(bytes: Uint8Array, from: number, end: number): number {
  const tab = tabFrom(bytes, from, end);
  return tab < end ? tab : from + textOf(bytes, from, end).trimEnd().length;
}

function parseInteger(bytes: Uint8Array, from: number, to: number, start: number, end: number): number {
  const negative = bytes[from] === MINUS;
  let value = 0;
  let i = negative ? from + 1 : from;
  if (i >= to) throw notSam(bytes, start, end);
  for (; i < to; i++) {
    const digit = (bytes[i] as number) - 48;
    if (digit < 0 || digit > 9) throw notSam(bytes, start, end);
    value = value * 10 + digit;
  }
  return negative ? -value : value;
}

function textOf(bytes: Uint8Array, start: number, end: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('utf8');
}

function notSam(bytes: Uint8Array, start: number, end: number): Error {
  return new Error(`Not a SAM line: '${textOf(bytes, start, Math.min(end, start + 200))}'`);
}
