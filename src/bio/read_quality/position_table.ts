/** Counters of a position: one per character. */
export const STRIDE = 128;
/** Every position up to this one has counters of its own; those behind share them in ranges. */
export const EXACT_POSITIONS = 5000;
const MAX_RANGES = 1024;
const FIRST_POSITIONS = 256;

/** A plain copy of a table. */
export type PositionTableState = { counts: Uint32Array; rangeWidth: number };

/**
 * Counts the characters of lines by position. A cell holds the counts of one position, or, behind `EXACT_POSITIONS`, those of a range: there
 * are at most 1,024 ranges, which become wider as longer lines come.
 */
export class PositionTable {
  #counts = new Uint32Array(FIRST_POSITIONS * STRIDE);
  #rangeWidth = 1;

  static fromState({ counts, rangeWidth }: PositionTableState): PositionTable {
    const table = new PositionTable();
    table.#counts = new Uint32Array(counts);
    table.#rangeWidth = rangeWidth;
    return table;
  }

  /** The counters of the first `positions` positions. */
  toState(positions: number): PositionTableState {
    return { counts: this.#counts.slice(0, this.cellsOf(positions) * STRIDE), rangeWidth: this.#rangeWidth };
  }

  /** Number of cells of the first `positions` positions. */
  cellsOf(positions: number): number {
    if (positions <= EXACT_POSITIONS) return positions;
    return EXACT_POSITIONS + Math.ceil((positions - EXACT_POSITIONS) / this.#rangeWidth);
  }

  /** Counts by character code. */
  cell(index: number): Uint32Array {
    return this.#counts.subarray(index * STRIDE, (index + 1) * STRIDE);
  }

  /** The cells, first to last, of positions from 1, both ends included. */
  *cellsBetween(first: number, last: number): Generator<Uint32Array> {
    for (let index = this.cellsOf(first) - 1; index < this.cellsOf(last); index++) yield this.cell(index);
  }

  /** Counts of all positions together, by character code. */
  totals(): Float64Array {
    const totals = new Float64Array(STRIDE);
    this.#counts.forEach((count, cell) => {
      if (count > 0) totals[cell % STRIDE] = (totals[cell % STRIDE] as number) + count;
    });
    return totals;
  }

  /** Counts the characters of a line, four at a time; gives the sum of their codes. */
  count(memory: DataView, start: number, end: number): number {
    this.#makeRoom(end - start);
    const counts = this.#counts;
    const exactEnd = Math.min(end, start + EXACT_POSITIONS);
    let sum = 0;
    let at = 0;
    let i = start;
    for (; i + 4 <= exactEnd; i += 4, at += 4 * STRIDE) {
      const word = memory.getInt32(i, true);
      const [a, b, c, d] = [word & 127, (word >> 8) & 127, (word >> 16) & 127, (word >> 24) & 127];
      counts[at + a] = (counts[at + a] as number) + 1;
      counts[at + STRIDE + b] = (counts[at + STRIDE + b] as number) + 1;
      counts[at + 2 * STRIDE + c] = (counts[at + 2 * STRIDE + c] as number) + 1;
      counts[at + 3 * STRIDE + d] = (counts[at + 3 * STRIDE + d] as number) + 1;
      sum += a + b + c + d;
    }
    for (; i < exactEnd; i++, at += STRIDE) {
      const code = memory.getUint8(i) & 127;
      counts[at + code] = (counts[at + code] as number) + 1;
      sum += code;
    }
    return i < end ? sum + this.#countRanges(memory, i, end) : sum;
  }

  #countRanges(memory: DataView, start: number, end: number): number {
    const counts = this.#counts;
    let sum = 0;
    for (let at = EXACT_POSITIONS * STRIDE, from = start; from < end; at += STRIDE, from += this.#rangeWidth) {
      const to = Math.min(end, from + this.#rangeWidth);
      for (let i = from; i < to; i++) {
        const code = memory.getUint8(i) & 127;
        counts[at + code] = (counts[at + code] as number) + 1;
        sum += code;
      }
    }
    return sum;
  }

  #makeRoom(positions: number): void {
    const room = this.#counts.length / STRIDE;
    if (positions <= room) return;
    while (positions > EXACT_POSITIONS + MAX_RANGES * this.#rangeWidth) this.#widenRanges();
    if (this.cellsOf(positions) <= room) return;
    const larger = new Uint32Array(Math.max(this.cellsOf(positions), room * 2) * STRIDE);
    larger.set(this.#counts);
    this.#counts = larger;
  }

  /** Lets each range have the positions of two. */
  #widenRanges(): void {
    this.#rangeWidth *= 2;
    const start = EXACT_POSITIONS * STRIDE;
    if (this.#counts.length <= start) return;
    const former = this.#counts.slice(start);
    this.#counts.fill(0, start);
    former.forEach((count, i) => {
      const cell = start + Math.floor(i / (2 * STRIDE)) * STRIDE + (i % STRIDE);
      this.#counts[cell] = (this.#counts[cell] as number) + count;
    });
  }
}
