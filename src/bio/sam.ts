import { matchLength, readLength } from './cigar.js';
import { textOf, viewOf } from './memory.js';
import { NameTable } from './pathoscope/name_table.js';
import type { Alignment, AlignmentFields } from './vta.js';

/** Alignments with a lower p-score are not used anywhere. */
export const MIN_P_SCORE = 0.01;

const TAB = 9;
const FOUR_TABS = 0x09090909;
/** `AS:i` as a number in little-endian order, and the colon behind it. */
const SCORE_TAG = 0x693a5341;
const COLON = 58;
const SCORE_TAG_BYTES = 5;
const AT_SIGN = 64;
const ASTERISK = 42;
const MINUS = 45;
const UNMAPPED_FLAG = 4;
const SECONDARY_FLAG = 256;
/** Columns between CIGAR and SEQ: RNEXT, PNEXT, TLEN. */
const COLUMNS_BEFORE_SEQUENCE = 3;

/** Reads SAM lines from bytes without making a text of them. */
export class SamReader implements AlignmentFields {
  memory: DataView = new DataView(new ArrayBuffer(0));
  readStart = 0;
  readEnd = 0;
  referenceStart = 0;
  referenceEnd = 0;
  position = 0;
  length = 0;
  score = 0;
  cigarStart = 0;
  cigarEnd = 0;
  isWholeRead = false;
  readonly #omitsBases: boolean;

  /**
   * `omitsBases`: the aligner leaves out the bases of secondary alignments, `*`, and the length of the read is that of the CIGAR, which is the
   * same. Anywhere else a `*` counts as 1.
   */
  constructor({ omitsBases = false } = {}) {
    this.#omitsBases = omitsBases;
  }

  /** Reads the line that is `start` to `end` of some memory: true if it is an alignment. Rules and errors are those of `parseSamLine`. */
  read(memory: DataView, start: number, end: number): boolean {
    if (start === end || memory.getUint8(start) === AT_SIGN) return false;
    const nameEnd = farTabFrom(memory, start, end);
    const flagEnd = tabFrom(memory, nameEnd + 1, end);
    const referenceEnd = tabFrom(memory, flagEnd + 1, end);
    const positionEnd = tabFrom(memory, referenceEnd + 1, end);
    if (positionEnd >= end) {
      if (textOf(memory, start, end).trim() === '') return false;
      throw notSam(memory, start, end);
    }
    const flag = parseInteger(memory, nameEnd + 1, flagEnd, start, end);
    if ((flag & UNMAPPED_FLAG) !== 0) return false;
    if (referenceEnd === flagEnd + 2 && memory.getUint8(flagEnd + 1) === ASTERISK) return false;

    const cigarStart = tabFrom(memory, positionEnd + 1, end) + 1;
    const cigarEnd = tabFrom(memory, cigarStart, end);
    let sequenceAt = cigarEnd + 1;
    for (let column = 0; column < COLUMNS_BEFORE_SEQUENCE; column++) sequenceAt = tabFrom(memory, sequenceAt, end) + 1;
    const matched = matchLength(memory, cigarStart, cigarEnd);
    const sequenceEnd = farTabFrom(memory, sequenceAt, end);
    if (sequenceEnd >= end) throw notSam(memory, start, end);
    const columnLength = sequenceEnd - sequenceAt;
    const isOmitted = this.#omitsBases && (flag & SECONDARY_FLAG) !== 0 && memory.getUint8(sequenceAt) === ASTERISK;
    const length = isOmitted ? lengthByCigar(memory, cigarStart, cigarEnd, matched) : columnLength;
    this.memory = memory;
    this.readStart = start;
    this.readEnd = nameEnd;
    this.referenceStart = flagEnd + 1;
    this.referenceEnd = referenceEnd;
    this.position = parseInteger(memory, referenceEnd + 1, positionEnd, start, end);
    this.length = length;
    this.cigarStart = cigarStart;
    this.cigarEnd = cigarEnd;
    this.isWholeRead = matched >= 0;
    const scoreAt = scoreStart(memory, qualityEnd(memory, sequenceEnd, columnLength, end), start, end);
    this.score = parseInteger(memory, scoreAt, valueEnd(memory, scoreAt, end), start, end) + length;
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
  const memory = viewOf(Buffer.from(line, 'utf8'));
  const reader = new SamReader();
  if (!reader.read(memory, 0, memory.byteLength)) return undefined;
  const { position, length, score } = reader;
  const reference = textOf(memory, reader.referenceStart, reader.referenceEnd);
  return { read: textOf(memory, reader.readStart, reader.readEnd), reference, position, length, score };
}

/** Whether an alignment is good enough for the mapping steps: p-score at least 0.01. */
export function isAccepted(alignment: Pick<Alignment, 'score'>): boolean {
  return alignment.score >= MIN_P_SCORE;
}

/** Collects the names of the reference sequences with an accepted alignment. */
export type CandidateReferences = {
  /** Takes a SAM line; true if it was an accepted alignment. */
  addSamLine(line: string): boolean;
  /** Takes the line that is `start` to `end` of some memory. */
  addSamBytes(memory: DataView, start: number, end: number): boolean;
  /** The names so far, sorted by code unit: the same set gives the same order. */
  sorted(): string[];
};

export function createCandidateReferences(): CandidateReferences {
  const names = new NameTable();
  const reader = new SamReader();
  const addSamBytes = (memory: DataView, start: number, end: number) => {
    if (!reader.read(memory, start, end) || !isAccepted(reader)) return false;
    names.addBytes(memory, reader.referenceStart, reader.referenceEnd);
    return true;
  };
  return {
    addSamLine(line) {
      const memory = viewOf(Buffer.from(line, 'utf8'));
      return addSamBytes(memory, 0, memory.byteLength);
    },
    addSamBytes,
    sorted: () => names.texts().sort(),
  };
}

/** The next tab from an index on, or the end. */
function tabFrom(memory: DataView, from: number, end: number): number {
  let i = from;
  while (i < end && memory.getUint8(i) !== TAB) i++;
  return i;
}

/** The same for a column of many characters: passes words without a tab, found by the carry that a byte of zeros leaves. */
function farTabFrom(memory: DataView, from: number, end: number): number {
  let i = from;
  for (; i + 4 <= end; i += 4) {
    const zeroAtTab = memory.getInt32(i, true) ^ FOUR_TABS;
    if (((zeroAtTab - 0x01010101) & ~zeroAtTab & 0x80808080) !== 0) break;
  }
  return tabFrom(memory, i, end);
}

function lengthByCigar(memory: DataView, start: number, end: number, matched: number): number {
  return matched >= 0 ? matched : readLength(memory, start, end);
}

/** QUAL is as long as SEQ, or a `*`. */
function qualityEnd(memory: DataView, sequenceEnd: number, length: number, end: number): number {
  const from = sequenceEnd + 1;
  const expected = from + length;
  const isThere = length > 0 && expected < end && memory.getUint8(expected) === TAB;
  return isThere && memory.getUint8(from + 1) !== TAB ? expected : tabFrom(memory, from, end);
}

function scoreStart(memory: DataView, qualityEnd: number, start: number, end: number): number {
  for (let tab = qualityEnd; tab < end; tab = tabFrom(memory, tab + 1, end)) {
    if (isScoreTag(memory, tab + 1, end)) return tab + 1 + SCORE_TAG_BYTES;
  }
  throw new Error('Could not find alignment score', { cause: textOf(memory, start, Math.min(end, start + 200)) });
}

function isScoreTag(memory: DataView, at: number, end: number): boolean {
  return at + SCORE_TAG_BYTES <= end && memory.getInt32(at, true) === SCORE_TAG && memory.getUint8(at + 4) === COLON;
}

/** The end of a field's value; a carriage return or blank at the end of the line is none of it. */
function valueEnd(memory: DataView, from: number, end: number): number {
  const tab = tabFrom(memory, from, end);
  return tab < end ? tab : from + textOf(memory, from, end).trimEnd().length;
}

function parseInteger(memory: DataView, from: number, to: number, start: number, end: number): number {
  const negative = from < to && memory.getUint8(from) === MINUS;
  let value = 0;
  let i = negative ? from + 1 : from;
  if (i >= to) throw notSam(memory, start, end);
  for (; i < to; i++) {
    const digit = memory.getUint8(i) - 48;
    if (digit < 0 || digit > 9) throw notSam(memory, start, end);
    value = value * 10 + digit;
  }
  return negative ? -value : value;
}

function notSam(memory: DataView, start: number, end: number): Error {
  return new Error(`Not a SAM line: '${textOf(memory, start, Math.min(end, start + 200))}'`);
}
