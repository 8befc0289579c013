import { copyBytes, textOf, viewOf } from './memory.js';
import { formatFloat } from './numbers.js';

const COMMA = 44;
const POINT = 46;
const ZERO = 48;
const LINE_FEED = 10;
const BLOCK_BYTES = 256 * 1024;
const MAX_INT32 = 0x7fffffff;
/** More than three numbers, their commas and the line feed can take. */
const NUMBERS_BYTES = 100;

/** One accepted alignment of a read to a reference sequence: what a VTA line holds. */
export type Alignment = {
  read: string;
  reference: string;
  /** 1-based leftmost position on the reference. */
  position: number;
  /** Length of the whole read in bases, soft-clipped ends included. */
  length: number;
  /** p-score: alignment score plus read length. */
  score: number;
};

/** An alignment whose names still lie in the memory that they came in; its reader uses it again for the next one. */
export type AlignmentFields = {
  readonly memory: DataView;
  readonly readStart: number;
  readonly readEnd: number;
  readonly referenceStart: number;
  readonly referenceEnd: number;
  readonly position: number;
  readonly length: number;
  readonly score: number;
  readonly cigarStart: number;
  readonly cigarEnd: number;
  /** Whether the CIGAR is a single match: the whole read covers the reference. */
  readonly isWholeRead: boolean;
};

/**
 * Reads a VTA line, `read,reference,position,length,score`, with or without its line feed. The last four fields are the ones
 * behind the last four commas, so a read name may hold commas; a reference name may not. Throws on anything else.
 * The texts of the result may share memory with the line.
 */
export function parseVtaLine(line: string): Alignment {
  const scoreAt = line.lastIndexOf(',') + 1;
  const lengthAt = line.lastIndexOf(',', scoreAt - 2) + 1;
  const positionAt = line.lastIndexOf(',', lengthAt - 2) + 1;
  const referenceAt = line.lastIndexOf(',', positionAt - 2) + 1;
  if (referenceAt < 1 || positionAt <= referenceAt + 1 || lengthAt <= positionAt || scoreAt <= lengthAt)
    throw badLine(line);
  const position = parseWhole(line, positionAt, lengthAt - 1);
  const length = parseWhole(line, lengthAt, scoreAt - 1);
  const scoreText = line.slice(scoreAt);
  const score = Number(scoreText);
  if (position < 0 || length < 0 || !Number.isFinite(score) || scoreText.trim() === '') throw badLine(line);
  return {
    read: line.slice(0, referenceAt - 1),
    reference: line.slice(referenceAt, positionAt - 1),
    position,
    length,
    score,
  };
}

/** The VTA line of an alignment, line feed included. Throws on a reference name with a comma: the line could not be read back. */
export function formatVtaLine({ read, reference, position, length, score }: Alignment): string {
  if (reference.includes(',')) throw commaInside(reference);
  return `${read},${reference},${position},${length},${formatFloat(score)}\n`;
}

/** Writes accepted alignments as VTA lines, byte by byte. */
export class VtaEncoder {
  #bytes = new Uint8Array(BLOCK_BYTES);
  #view = viewOf(this.#bytes);
  #used = 0;
  readonly #sink: (bytes: Uint8Array) => void;

  /** `sink` gets the lines in blocks; a block is good until the sink returns. */
  constructor(sink: (bytes: Uint8Array) => void) {
    this.#sink = sink;
  }

  /** Adds the line of an alignment, equal to that of `formatVtaLine`, and tells its bytes. Throws on a reference name with a comma. */
  add({ memory, readStart, readEnd, referenceStart, referenceEnd, position, length, score }: AlignmentFields): number {
    const size = readEnd - readStart + referenceEnd - referenceStart + NUMBERS_BYTES;
    if (this.#used + size > this.#bytes.length) this.#makeRoom(size);
    const start = this.#used;
    this.#text(memory, readStart, readEnd);
    this.#text(memory, referenceStart, referenceEnd);
    for (let i = referenceStart; i < referenceEnd; i++) {
      if (memory.getUint8(i) === COMMA) throw commaInside(textOf(memory, referenceStart, referenceEnd));
    }
    this.#whole(position);
    this.#bytes[this.#used++] = COMMA;
    this.#whole(length);
    this.#bytes[this.#used++] = COMMA;
    this.#score(score);
    this.#bytes[this.#used++] = LINE_FEED;
    return this.#used - start;
  }

  /** Hands over what is left. */
  finish(): void {
    if (this.#used > 0) this.#sink(this.#bytes.subarray(0, this.#used));
    this.#used = 0;
  }

  #makeRoom(size: number): void {
    this.finish();
    if (size <= this.#bytes.length) return;
    this.#bytes = new Uint8Array(size);
    this.#view = viewOf(this.#bytes);
  }

  /** Adds a text and a comma. */
  #text(from: DataView, start: number, end: number): void {
    copyBytes(from, start, end, this.#view, this.#used);
    this.#used += end - start;
    this.#bytes[this.#used++] = COMMA;
  }

  #whole(value: number): void {
    if (value > MAX_INT32) {
      this.#characters(String(value));
      return;
    }
    let digits = 1;
    for (let power = 10; digits < 10 && value >= power; power *= 10) digits++;
    const bytes = this.#bytes;
    let rest = value;
    for (let at = this.#used + digits - 1; at >= this.#used; at--) {
      const tenth = (rest / 10) | 0;
      bytes[at] = ZERO + rest - tenth * 10;
      rest = tenth;
    }
    this.#used += digits;
  }

  // Aligners give whole scores; anything else takes the slow way.
  #score(score: number): void {
    if (Number.isInteger(score) && score >= 0 && score < 1e15) {
      this.#whole(score);
      this.#bytes[this.#used++] = POINT;
      this.#bytes[this.#used++] = ZERO;
    } else this.#characters(formatFloat(score));
  }

  #characters(text: string): void {
    for (let i = 0; i < text.length; i++) this.#bytes[this.#used++] = text.charCodeAt(i);
  }
}

/** The whole number in characters start to end of a text, or -1 if anything else stands there. */
function parseWhole(text: string, start: number, end: number): number {
  if (end <= start || end - start > 15) return -1;
  let value = 0;
  for (let i = start; i < end; i++) {
    const digit = text.charCodeAt(i) - 48;
    if (digit < 0 || digit > 9) return -1;
    value = value * 10 + digit;
  }
  return value;
}

function commaInside(reference: string): Error {
  return new Error(`The reference name '${reference}' holds a comma`);
}

function badLine(line: string): Error {
  return new Error(`Not a VTA line (read,reference,position,length,score): '${line.slice(0, 200)}'`);
}
