import type { ModuleBody } from './base_figures.js';
import type { CountingMemory } from './counting_memory.js';
import { formatDouble, judge } from './fastqc_text.js';

const PERCENTS = 101;
/** FastQC cuts the length of a read down to a multiple of these, so that few lengths have to be told apart. */
const STEP_OF_LONG = { over: 1000, step: 1000 };
const STEP_OF_SHORT = { over: 100, step: 100 };
const DEVIATION_LIMITS = { warn: 15, fail: 30 };

/** Reads by their percentage of G and C. A number of G and C that a length has between two percentages counts for each of them in part. */
export class GcContent {
  readonly #memory: CountingMemory;
  readonly #reads = new Float64Array(PERCENTS);
  /** By length of the read: what a read adds to each percentage. */
  readonly #shares = new Map<number, Float64Array>();

  constructor(memory: CountingMemory) {
    this.#memory = memory;
  }

  /** Takes over what others have counted. */
  setState(reads: Float64Array): void {
    this.#reads.set(reads);
  }

  /** Number of reads by percentage; parts of reads occur. */
  toState(): Float64Array {
    return this.#reads.slice();
  }

  /** Takes the addresses of the bases of a read. */
  add(start: number, end: number): void {
    const length = cutLength(end - start);
    if (length === 0) return;
    const count = this.#memory.run.countGc(start, start + length);
    let shares = this.#shares.get(length);
    if (shares === undefined) {
      shares = sharesOf(length);
      this.#shares.set(length, shares);
    }
    // One by one, as FastQC adds: the sum depends on the order in its last digits.
    const last = highestPercent(count, length);
    for (let percent = lowestPercent(count, length); percent <= last; percent++)
      this.#reads[percent] = (this.#reads[percent] as number) + (shares[percent] as number);
  }

  module(): ModuleBody {
    const lines = Array.from(this.#reads, (count, percent) => `${percent}\t${formatDouble(count)}`);
    return { status: judge([deviation(this.#reads)], DEVIATION_LIMITS), lines: ['#GC Content\tCount', ...lines] };
  }
}

function cutLength(length: number): number {
  for (const { over, step } of [STEP_OF_LONG, STEP_OF_SHORT]) if (length > over) return length - (length % step);
  return length;
}

function lowestPercent(count: number, length: number): number {
  return Math.round((Math.max(0, count - 0.5) * 100) / length);
}

function highestPercent(count: number, length: number): number {
  return Math.round((Math.min(length, count + 0.5) * 100) / length);
}

/** A read adds one, divided by how many numbers of G and C claim the same percentage. */
function sharesOf(length: number): Float64Array {
  const claims = new Float64Array(PERCENTS);
  for (let count = 0; count <= length; count++) {
    const last = highestPercent(count, length);
    for (let percent = lowestPercent(count, length); percent <= last; percent++)
      claims[percent] = (claims[percent] as number) + 1;
  }
  return claims.map((number) => 1 / number);
}

/** Percent of the reads that lie elsewhere than in a normal distribution of the same spread around the commonest percentage. */
function deviation(reads: Float64Array): number {
  const total = reads.reduce((sum, count) => sum + count, 0);
  const mode = centre(reads);
  const squares = reads.reduce((sum, count, percent) => sum + (percent - mode) ** 2 * count, 0);
  const variance = Math.sqrt(squares / (total - 1)) ** 2;
  const height = 1 / Math.sqrt(2 * Math.PI * variance);
  const differences = reads.reduce((sum, count, percent) => {
    const expected = height * Math.E ** (0 - (percent - mode) ** 2 / (2 * variance)) * total;
    return sum + Math.abs(expected - count);
  }, 0);
  return (differences / total) * 100;
}

/** The mean of the percentages around the commonest one that are nearly as common; that one alone where they reach 0 or 100. */
function centre(reads: Float64Array): number {
  const commonest = reads.indexOf(Math.max(...reads));
  const height = reads[commonest] as number;
  const isHigh = (percent: number) => (reads[percent] as number) > height - height / 10;
  let last = commonest;
  while (last < PERCENTS && isHigh(last)) last++;
  let first = commonest - 1;
  while (first >= 0 && isHigh(first)) first--;
  if (first < 0 || last === PERCENTS) return commonest;
  return (first + last) / 2;
}
