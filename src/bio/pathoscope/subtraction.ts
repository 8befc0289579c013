import { parseSamLine } from '../sam.js';
import { parseVtaLine } from '../vta.js';
import { doubled, NameTable } from './name_table.js';

const START_CAPACITY = 1 << 14;

/** What the subtraction leaves of a VTA file. */
export type SubtractionResult = {
  /** One byte per line in file order: 1 to copy it, 0 to drop it. */
  kept: Uint8Array;
  /** Number of dropped lines (not reads). */
  subtractedCount: number;
};

/**
 * Removes the reads that align as well to the host as to any virus. Feed it both mappings, in any order, then ask for the result. A read's
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
      const host = this.#host[number] as number;
      if ((this.#best[number] as number) > (Number.isNaN(host) ? 0 : host)) kept[i] = 1;
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
