import { MIN_P_SCORE } from '../sam.js';
import { type Alignment, type AlignmentFields, parseVtaLine } from '../vta.js';
import { NameTable } from './name_table.js';
import { PairIndex } from './pair_index.js';

/** Words of a record: what one line of a VTA file is in a table. */
export const RECORD = {
  /** Running number of the read, by first sight; with FIRST_OF_PAIR in the first line of a (read, reference) pair. */
  read: 0,
  /** Running number of the reference, or IGNORED_LINE. */
  reference: 1,
  position: 2,
  length: 3,
  /** Index into the scores of the table. */
  score: 4,
  /** Bytes of the line in the VTA file, its line feed included; 0 when nobody said. */
  lineBytes: 5,
  /** Which bases of the reference the read covers: WHOLE_READ, or one more than an index into the CIGARs of the table. */
  cigar: 6,
  words: 7,
} as const;

/** Stands for the reference of a line whose p-score is too low to be used. */
export const IGNORED_LINE = 0xffffffff;
/** Stands for a CIGAR that only says that the whole read covers the reference, or that nobody said. */
export const WHOLE_READ = 0;
export const FIRST_OF_PAIR = 0x80000000;
export const READ_MASK = 0x7fffffff;

const MAX_VALUE = 0xffffffff;
const BLOCK_RECORDS = 1 << 13;

/** What is known of all lines together. */
export type AlignmentSummary = {
  lineCount: number;
  readCount: number;
  /** Names of the references in order of first sight. */
  references: string[];
  /** Distinct p-scores. */
  scores: number[];
  /** Distinct CIGARs of reads that cover the reference in part or with gaps. */
  cigars: string[];
};

/** The alignments of a VTA file, wherever they lie: 28 bytes per line. */
export type AlignmentTable = AlignmentSummary & {
  /** The records in file order, from the first one at each call. A block is good until the next one is asked for. */
  blocks(): Iterable<Uint32Array>;
};

/**
 * Turns the lines of a VTA file, in file order, into records. Lines below the p-score cut-off only count as lines: they
 * number neither their read nor their reference. What it keeps grows with the distinct reads and (read, reference) pairs only.
 */
export class AlignmentWriter {
  /** The read names by their running numbers. */
  readonly reads = new NameTable();
  readonly #references = new NameTable();
  readonly #scores: number[] = [];
  readonly #scoreNumbers = new Map<number, number>();
  #lastScore = Number.NaN;
  #lastScoreNumber = 0;
  readonly #cigars = new NameTable();
  readonly #pairs = new PairIndex();
  readonly #sink: (records: Uint32Array) => void;
  readonly #block = new Uint32Array(BLOCK_RECORDS * RECORD.words);
  #used = 0;
  #lineCount = 0;

  /** `sink` gets blocks of records; a block is good until the sink returns. */
  constructor(sink: (records: Uint32Array) => void) {
    this.#sink = sink;
  }

  add(alignment: Alignment): void {
    const { position, length, score } = alignment;
    if (score < MIN_P_SCORE) this.#append(0, IGNORED_LINE, 0, 0, 0, 0, WHOLE_READ);
    else {
      const read = this.reads.add(alignment.read);
      this.#addAccepted(read, this.#references.add(alignment.reference), position, length, score, 0, WHOLE_READ);
    }
  }

  /** Adds an accepted alignment as the reader of SAM lines shows it, and how many bytes its VTA line has. */
  addFields(fields: AlignmentFields, lineBytes: number): void {
    const { memory, position, length, score, isWholeRead } = fields;
    const read = this.reads.addBytes(memory, fields.readStart, fields.readEnd);
    const reference = this.#references.addBytes(memory, fields.referenceStart, fields.referenceEnd);
    const cigar = isWholeRead ? WHOLE_READ : this.#cigars.addBytes(memory, fields.cigarStart, fields.cigarEnd) + 1;
    this.#addAccepted(read, reference, position, length, score, lineBytes, cigar);
  }

  /** Hands over the last block; nothing may be added afterwards. */
  finish(): AlignmentSummary {
    this.#flush();
    const readCount = this.reads.size;
    const [references, cigars] = [this.#references.texts(), this.#cigars.texts()];
    return { lineCount: this.#lineCount, readCount, references, scores: this.#scores, cigars };
  }

  #addAccepted(
    read: number,
    reference: number,
    position: number,
    length: number,
    score: number,
    lineBytes: number,
    cigar: number,
  ): void {
    if (position > MAX_VALUE || length > MAX_VALUE) {
      throw new RangeError(`Position or length in line ${this.#lineCount + 1} is beyond 32 bits`);
    }
    if (read > READ_MASK) throw new RangeError('There are more than 2^31 reads');
    const flag = this.#pairs.add(read, reference) ? FIRST_OF_PAIR : 0;
    this.#append(read | flag, reference, position, length, this.#scoreNumber(score), lineBytes, cigar);
  }

  #append(
    read: number,
    reference: number,
    position: number,
    length: number,
    score: number,
    lineBytes: number,
    cigar: number,
  ): void {
    const block = this.#block;
    const at = this.#used;
    block[at + RECORD.read] = read;
    block[at + RECORD.reference] = reference;
    block[at + RECORD.position] = position;
    block[at + RECORD.length] = length;
    block[at + RECORD.score] = score;
    block[at + RECORD.lineBytes] = lineBytes;
    block[at + RECORD.cigar] = cigar;
    this.#lineCount++;
    this.#used = at + RECORD.words;
    if (this.#used === block.length) this.#flush();
  }

  #flush(): void {
    if (this.#used > 0) this.#sink(this.#block.subarray(0, this.#used));
    this.#used = 0;
  }

  #scoreNumber(score: number): number {
    if (score === this.#lastScore) return this.#lastScoreNumber;
    this.#lastScore = score;
    this.#lastScoreNumber = this.#numberOfScore(score);
    return this.#lastScoreNumber;
  }

  #numberOfScore(score: number): number {
    const known = this.#scoreNumbers.get(score);
    if (known !== undefined) return known;
    const number = this.#scores.push(score) - 1;
    this.#scoreNumbers.set(score, number);
    return number;
  }
}

/** A record as an object. */
export type AlignmentRecord = Record<Exclude<keyof typeof RECORD, 'words'>, number>;

/** The records of a table as objects, for whoever looks at few of them. `read` comes without FIRST_OF_PAIR. */
export function listRecords(table: AlignmentTable): AlignmentRecord[] {
  const records: AlignmentRecord[] = [];
  for (const block of table.blocks()) {
    for (let at = 0; at < block.length; at += RECORD.words) {
      const [read = 0, reference = 0, position = 0, length = 0, score = 0, lineBytes = 0, cigar = 0] =
        block.subarray(at);
      records.push({ read: read & READ_MASK, reference, position, length, score, lineBytes, cigar });
    }
  }
  return records;
}

/**
 * Which bytes of the VTA file are those of the kept lines, for a table that has their sizes: by turns how many to leave out and how many to
 * copy, some thousands of them at once, which are good until the next ones are asked for. `kept` has one byte per line, 1 to copy it.
 */
export function* keptBytes(table: AlignmentTable, kept: Uint8Array): Generator<Uint32Array> {
  let ranges = new Uint32Array(0);
  let line = 0;
  for (const records of table.blocks()) {
    // No line can begin more than one range of either kind.
    if (ranges.length < records.length) ranges = new Uint32Array(records.length);
    let used = 0;
    let copied = false;
    let bytes = 0;
    for (let at = RECORD.lineBytes; at < records.length; at += RECORD.words) {
      const copy = kept[line++] === 1;
      if (copy !== copied) {
        ranges[used++] = bytes;
        bytes = 0;
        copied = copy;
      }
      bytes += records[at] as number;
    }
    ranges[used++] = bytes;
    if (!copied) ranges[used++] = 0;
    yield ranges.subarray(0, used);
  }
}

/** Collects the lines of a VTA file in memory, for `runPathoscope`. */
export class Alignments {
  readonly #blocks: Uint32Array[] = [];
  readonly #writer = new AlignmentWriter((records) => this.#blocks.push(records.slice()));

  /** Adds a VTA line (with or without line feed). Throws on a malformed one. */
  addLine(line: string): void {
    this.#writer.add(parseVtaLine(line));
  }

  add(alignment: Alignment): void {
    this.#writer.add(alignment);
  }

  /** The table of what was added; nothing may be added afterwards. */
  finish(): AlignmentTable {
    return { ...this.#writer.finish(), blocks: () => this.#blocks };
  }
}
