import type { Matrix } from './matrix.js';

/** A read's best assignment counts as high confidence from here on, and as low from `LOW_CONFIDENCE` on. */
const HIGH_CONFIDENCE = 0.5;
const LOW_CONFIDENCE = 0.01;

/** What the reads say about each reference, one value per reference. */
export type Tally = {
  /** Reads whose best assignment it is; a read with q equally good ones gives 1/q to each. */
  hits: Float64Array;
  /** `hits` as a share of all reads. */
  best: Float64Array;
  /** Share of all reads that lie here with an assignment of at least 0.5. At 0.5 exactly two references get the whole read. */
  high: Float64Array;
  /** The same for 0.01 to below 0.5. */
  low: Float64Array;
};

/** Counts hits for an assignment of the reads of N (one value per pair). */
export function tally(matrix: Matrix, assigned: Float64Array): Tally {
  const size = matrix.references.length;
  const hits = new Float64Array(size);
  const high = new Float64Array(size);
  const low = new Float64Array(size);
  for (const g of matrix.unique.reference) {
    addAt(hits, g, 1);
    addAt(high, g, 1);
  }
  const { count, start, reference } = matrix.multi;
  for (let r = 0; r < count; r++) {
    const from = start[r] as number;
    const to = start[r + 1] as number;
    let best = 0;
    let ties = 0;
    for (let k = from; k < to; k++) {
      const x = assigned[k] as number;
      if (x > best) {
        best = x;
        ties = 1;
      } else if (x === best) ties++;
    }
    const level = best >= HIGH_CONFIDENCE ? high : best >= LOW_CONFIDENCE ? low : undefined;
    for (let k = from; k < to; k++) {
      if (assigned[k] !== best) continue;
      addAt(hits, reference[k] as number, 1 / ties);
      if (level !== undefined) addAt(level, reference[k] as number, 1);
    }
  }
  const share = (counts: Float64Array) => counts.map((value) => value / matrix.readCount);
  return { hits, best: share(hits), high: share(high), low: share(low) };
}

/** Adds to one element; `values[index] += amount` does not pass the compiler's index check. */
export function addAt(values: Float64Array, index: number, amount: number): void {
  values[index] = (values[index] as number) + amount;
}
