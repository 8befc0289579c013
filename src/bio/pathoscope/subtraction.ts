import { parseSamLine, SamReader } from '../sam.js';
import { parseVtaLine } from '../vta.js';
import {
  type AlignmentSummary,
  type AlignmentTable,
  FIRST_OF_PAIR,
  IGNORED_LINE,
  READ_MASK,
  RECORD,
} from './alignments.js';
import { doubled, NameTable } from './name_table.js';

const START_CAPACITY = 1 << 14;

/** What the subtraction leaves of a VTA file. */
export type SubtractionResult = {
  /** One byte per line in file order: 1 to copy it, 0 to drop it. */
  kept: Uint8Array;
  /** Number of dropped lines (not reads). */
  subtractedCount: number;
};

/** A read is kept if its best p-score in the VTA is above its p-score against the host, 0 if it did not map there (NaN); ties go. */
function isKept(best: number, host: number): boolean {
  return best > (Number.isNaN(host) ? 0 : host);
}

/** The p-scores of reads against the host. */
export class HostScores {
  readonly #names: NameTable;
  readonly #reader = new SamReader();
  /** One value per read of the names; NaN where the read did not map to the host. */
  readonly scores: Float64Array<ArrayBuffer>;

  constructor(names: NameTable) {
    this.#names = names;
    this.scores = new Float64Array(names.size).fill(Number.NaN);
  }

  /** Takes the SAM line that is `start` to `end` of some memory; a read's last mapped line counts, other reads do not. */
  addSamBytes(memory: DataView, start: number, end: number): void {
    const reader = this.#reader;
    if (!reader.read(memory, start, end)) return;
    const read = this.#names.findBytes(memory, reader.readStart, reader.readEnd);
    if (read >= 0) this.scores[read] = reader.score;
  }
}

/**
 * Removes the reads that align as well to the host as to any virus; `hostScores` has one value per read, NaN for none. All lines of
 * the table must be accepted alignments. `sink` gets the records of what is left, with reads and references
 * numbered anew by first sight.
 */
export function subtractHost(
  table: AlignmentTable,
  hostScores: Float64Array,
  sink: (records: Uint32Array) => void,
): SubtractionResult & { left: AlignmentSummary } {
  const readNumbers = numberKeptReads(table, hostScores);
  const kept = new Uint8Array(table.lineCount);
  const references: string[] = [];
  const referenceNumbers = new Uint32Array(table.references.length).fill(IGNORED_LINE);
  let left = new Uint32Array(0);
  let line = 0;
  let lineCount = 0;
  for (const records of table.blocks()) {
    if (left.length < records.length) left = new Uint32Array(records.length);
    let used = 0;
    for (let at = 0; at < records.length; at += RECORD.words, line++) {
      const read = records[at + RECORD.read] as number;
      const number = readNumbers[read & READ_MASK] as number;
      if (number === IGNORED_LINE) continue;
      const g = records[at + RECORD.reference] as number;
      if (referenceNumbers[g] === IGNORED_LINE)
        referenceNumbers[g] = references.push(table.references[g] as string) - 1;
      left[used + RECORD.read] = number | (read & FIRST_OF_PAIR);
      left[used + RECORD.reference] = referenceNumbers[g] as number;
      for (let word: number = RECORD.position; word < RECORD.words; word++)
        left[used + word] = records[at + word] as number;
      used += RECORD.words;
      kept[line] = 1;
      lineCount++;
    }
    if (used > 0) sink(left.subarray(0, used));
  }
  const readCount = readNumbers.reduce((count, number) => (number === IGNORED_LINE ? count : count + 1), 0);
  const { scores, cigars } = table;
  const summary = { lineCount, readCount, references, scores, cigars };
  return { kept, subtractedCount: table.lineCount - lineCount, left: summary };
}

/** New numbers of the reads that stay, in the old order; IGNORED_LINE for the others. */
function numberKeptReads(table: AlignmentTable, hostScores: Float64Array): Uint32Array {
  const best = new Float64Array(table.readCount).fill(Number.NEGATIVE_INFINITY);
  for (const records of table.blocks()) {
    for (let at = 0; at < records.length; at += RECORD.words) {
      const r = (records[at + RECORD.read] as number) & READ_MASK;
      const score = table.scores[records[at + RECORD.score] as number] as number;
      if (score > (best[r] as number)) best[r] = score;
    }
  }
  let count = 0;
  return Uint32Array.from(best, (score, r) => (isKept(score, hostScores[r] as number) ? count++ : IGNORED_LINE));
}

/**
 * The subtraction for lines of text. Feed it both mappings, in any order, then ask for the result. A read's
 * lines are kept if its best p-score in the VTA is above its p-score against the host, 0 if it did not map there; ties are dropped.
 */
export class Subtraction {
  readonly #reads = new NameTable();
  /** NaN where the read did not map to the host. */
  #host = new Float64Array(START_CAPACITY).fill(Number.NaN);
  #best = new Float64Array(START_CAPACITY).fill(Number.NEGATIVE_INFINITY);
  #readOfLine = new Uint32Array(START_CAPACITY);
  #lineCount = 0;

  /** Takes a SAM line of the mapping to the host; the last mapped line of a read counts, without any cut-off. */
  addHostSamLine(line: string): void {
    const alignment = parseSamLine(line);
    if (alignment !== undefined) this.addHostScore(alignment.read, alignment.score);
  }

  addHostScore(read: string, score: number): void {
    this.#host[this.#number(read)] = score;
  }

  /** Takes the next line of the VTA. */
  addVtaLine(line: string): void {
    const { read, score } = parseVtaLine(line);
    const number = this.#number(read);
    if (this.#lineCount === this.#readOfLine.length) this.#readOfLine = doubled(this.#readOfLine);
    this.#readOfLine[this.#lineCount++] = number;
    if (score > (this.#best[number] as number)) this.#best[number] = score;
  }

  result(): SubtractionResult {
    const kept = new Uint8Array(this.#lineCount);
    let subtractedCount = 0;
    for (let i = 0; i < this.#lineCount; i++) {
      const number = this.#readOfLine[i] as number;
      if (isKept(this.#best[number] as number, this.#host[number] as number)) kept[i] = 1;
      else subtractedCount++;
    }
    return { kept, subtractedCount };
  }

  #number(read: string): number {
    const number = this.#reads.add(read);
    if (number === this.#host.length) {
      this.#host = widened(this.#host, Number.NaN);
      this.#best = widened(this.#best, Number.NEGATIVE_INFINITY);
    }
    return number;
  }
}

function widened(values: Float64Array, filler: number): Float64Array<ArrayBuffer> {
  const larger = new Float64Array(values.length * 2).fill(filler, values.length);
  larger.set(values);
  return larger;
}
