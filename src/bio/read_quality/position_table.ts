import type { CountingMemory } from './counting_memory.js';

/** Counters of a position: one per character. */
export const STRIDE = 128;
/** Every position up to this one has counters of its own; those behind share them in ranges. */
export const EXACT_POSITIONS = 5000;
const MAX_RANGES = 1024;
const CELLS = EXACT_POSITIONS + MAX_RANGES;
const CELL_BYTES = STRIDE * 4;

/** A plain copy of a table. */
export type PositionTableState = { counts: Uint32Array; rangeWidth: number };

/**
 * Counts the characters of lines by position. A cell holds the counts of one position, or, behind `EXACT_POSITIONS`, those of a range: there
 * are at most 1,024 ranges, which become wider as longer lines come.
 */
export class PositionTable {
  readonly #memory: CountingMemory;
  readonly #address: number;
  #rangeWidth = 1;

  constructor(memory: CountingMemory) {
    this.#memory = memory;
    this.#address = memory.reserve(CELLS * CELL_BYTES);
  }

  /** Takes over what another table has counted. */
  setState({ counts, rangeWidth }: PositionTableState): void {
    this.#memory.words(this.#address, CELLS * STRIDE).set(counts);
    this.#rangeWidth = rangeWidth;
  }

  /** The counters of the first `positions` positions. */
  toState(positions: number): PositionTableState {
    return { counts: this.#counters(0, this.cellsOf(positions)).slice(), rangeWidth: this.#rangeWidth };
  }

  /** Number of cells of the first `positions` positions. */
  cellsOf(positions: number): number {
    if (positions <= EXACT_POSITIONS) return positions;
    return EXACT_POSITIONS + Math.ceil((positions - EXACT_POSITIONS) / this.#rangeWidth);
  }

  /** The cells, first to last, of positions from 1, both ends included. */
  *cellsBetween(first: number, last: number): Generator<Uint32Array> {
    for (let index = this.cellsOf(first) - 1; index < this.cellsOf(last); index++) yield this.#counters(index, 1);
  }

  /** Counts of the first `positions` positions together, by character code. */
  totals(positions: number): Float64Array {
    const totals = new Float64Array(STRIDE);
    this.#counters(0, this.cellsOf(positions)).forEach((count, cell) => {
      if (count > 0) totals[cell % STRIDE] = (totals[cell % STRIDE] as number) + count;
    });
    return totals;
  }

  /** Counts the characters of a line; gives the sum of their codes. */
  count(start: number, end: number): number {
    const exactEnd = Math.min(end, start + EXACT_POSITIONS);
    const sum = this.#memory.run.countByPosition(start, exactEnd, this.#address);
    return exactEnd < end ? sum + this.#countRanges(exactEnd, end) : sum;
  }

  #countRanges(start: number, end: number): number {
    while (end - start > MAX_RANGES * this.#rangeWidth) this.#widenRanges();
    let sum = 0;
    let cell = this.#address + EXACT_POSITIONS * CELL_BYTES;
    for (let from = start; from < end; from += this.#rangeWidth, cell += CELL_BYTES)
      sum += this.#memory.run.countTogether(from, Math.min(end, from + this.#rangeWidth), cell);
    return sum;
  }

  /** Lets each range have the positions of two. */
  #widenRanges(): void {
    this.#rangeWidth *= 2;
    const ranges = this.#counters(EXACT_POSITIONS, MAX_RANGES);
    const former = ranges.slice();
    ranges.fill(0);
    former.forEach((count, i) => {
      const cell = Math.floor(i / (2 * STRIDE)) * STRIDE + (i % STRIDE);
      ranges[cell] = (ranges[cell] as number) + count;
    });
  }

  #counters(cell: number, cells: number): Uint32Array<ArrayBuffer> {
    return this.#memory.words(this.#address + cell * CELL_BYTES, cells * STRIDE);
  }
}
