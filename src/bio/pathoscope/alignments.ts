import { detached, MIN_P_SCORE } from '../sam.js';
import { type Alignment, parseVtaLine } from '../vta.js';
import { doubled, NameTable } from './name_table.js';

/** Stands for the reference of a line whose p-score is too low to be used. */
export const IGNORED_LINE = 0xffffffff;

const START_CAPACITY = 1 << 14;
const MAX_VALUE = 0xffffffff;

/** The alignments of a VTA file as typed arrays, one value per line in file order. Twenty bytes per line. */
export type AlignmentTable = {
  lineCount: number;
  readCount: number;
  /** Names of the references in order of first sight; the numbers in `reference` index them. */
  references: string[];
  /** Distinct p-scores; the numbers in `score` index them. */
  scores: number[];
  /** Running number of the read, by first sight. */
  read: Uint32Array;
  /** Running number of the reference, or IGNORED_LINE. */
  reference: Uint32Array;
  position: Uint32Array;
  length: Uint32Array;
  score: Uint32Array;
};

/**
 * Collects the lines of a VTA file, in file order, for `runPathoscope`. Lines below the p-score cut-off only count as lines: they
 * number neither their read nor their reference.
 */
export class Alignments {
  #reads = new NameTable();
  readonly #referenceNumbers = new Map<string, number>();
  readonly #scoreNumbers = new Map<number, number>();
  #table = emptyTable();

  /** Adds a VTA line (with or without line feed). Throws on a malformed one. */
  addLine(line: string): void {
    this.add(parseVtaLine(line));
  }

  add(alignment: Alignment): void {
    const table = this.#table;
    const line = table.lineCount++;
    if (line === table.read.length) grow(table);
    if (alignment.score < MIN_P_SCORE) {
      table.reference[line] = IGNORED_LINE;
      return;
    }
    if (alignment.position > MAX_VALUE || alignment.length > MAX_VALUE) {
      throw new RangeError(`Position or length of read '${alignment.read}' is beyond 32 bits`);
    }
    table.read[line] = this.#reads.add(alignment.read);
    table.reference[line] = this.#referenceNumber(alignment.reference);
    table.position[line] = alignment.position;
    table.length[line] = alignment.length;
    table.score[line] = this.#scoreNumber(alignment.score);
    table.readCount = this.#reads.size;
  }

  /** Hands over what was collected and forgets the read names, which take most of the memory; the next line starts a new table. */
  finish(): AlignmentTable {
    const table = this.#table;
    this.#reads = new NameTable();
    this.#referenceNumbers.clear();
    this.#scoreNumbers.clear();
    this.#table = emptyTable();
    return table;
  }

  #referenceNumber(name: string): number {
    const known = this.#referenceNumbers.get(name);
    if (known !== undefined) return known;
    const number = this.#table.references.length;
    const own = detached(name);
    this.#referenceNumbers.set(own, number);
    this.#table.references.push(own);
    return number;
  }

  #scoreNumber(score: number): number {
    const known = this.#scoreNumbers.get(score);
    if (known !== undefined) return known;
    const number = this.#table.scores.length;
    this.#scoreNumbers.set(score, number);
    this.#table.scores.push(score);
    return number;
  }
}

function emptyTable(): AlignmentTable {
  const column = () => new Uint32Array(START_CAPACITY);
  return {
    lineCount: 0,
    readCount: 0,
    references: [],
    scores: [],
    read: column(),
    reference: column(),
    position: column(),
    length: column(),
    score: column(),
  };
}

function grow(table: AlignmentTable): void {
  table.read = doubled(table.read);
  table.reference = doubled(table.reference);
  table.position = doubled(table.position);
  table.length = doubled(table.length);
  table.score = doubled(table.score);
}
