import type { Matrix } from './matrix.js';
import type { MultiReads } from './multi_reads.js';
import { addAt } from './tally.js';

const MAX_ROUNDS = 50;
/** Rounds end when the summed change of pi is no more than this. */
const EPSILON = 1e-7;

/** The outcome of the expectation maximisation; arrays have one value per reference. */
export type EmResult = {
  /** Share of each reference in the sample. */
  pi: Float64Array;
  /** pi after the first round. */
  initialPi: Float64Array;
  /** Share of each reference among the reads with several references. */
  theta: Float64Array;
  /** Final assignment of the reads of N, per pair. */
  assigned: Float64Array;
  /** Summed change of pi, per round. */
  deltas: number[];
};

/**
 * Reassigns the reads that align to several references (Francis et al., "Pathoscope", Genome Research 2013, both priors 0). Sums run
 * strictly from left to right in the order of the matrix and products as (a * b) * c: another order changes the last bits. One
 * round at least; without references the arrays are empty. `assigned` gets the assignment: one value per pair, whatever was in it.
 */
export function reassign(
  matrix: Matrix,
  assigned: Float64Array = new Float64Array(matrix.multi.weight.length),
): EmResult {
  const size = matrix.references.length;
  const { count, best } = matrix.multi;
  const uniqueSums = new Float64Array(size);
  let uniqueTotal = 0;
  matrix.unique.reference.forEach((g, u) => {
    const w = matrix.unique.weight[u] as number;
    addAt(uniqueSums, g, w);
    uniqueTotal += w;
  });
  let multiTotal = 0;
  for (const w of best) multiTotal += w;

  let pi = new Float64Array(size).fill(1 / size);
  let theta = new Float64Array(size).fill(1 / size);
  let initialPi = pi;
  let factor = pi;
  const deltas: number[] = [];
  while (deltas.length < MAX_ROUNDS) {
    factor = pi.map((share, g) => share * (theta[g] as number));
    const shares = matrix.multi.shareOut(factor);
    const nextPi = shares.map((share, g) => (share + (uniqueSums[g] as number)) / (uniqueTotal + multiTotal));
    theta = shares.map((share) => share / (multiTotal === 0 ? 1 : multiTotal));
    if (deltas.length === 0) initialPi = nextPi;
    const delta = summedChange(pi, nextPi);
    deltas.push(delta);
    pi = nextPi;
    if (delta <= EPSILON || count <= 1) break;
  }
  assignReads(matrix.multi, factor, assigned);
  return { pi, initialPi, theta, assigned, deltas };
}

/** The assignment by which `shareOut` shares out; all 0 where every factor is. */
function assignReads(
  { count, start, reference, weight }: MultiReads,
  factor: Float64Array,
  assigned: Float64Array,
): void {
  for (let r = 0; r < count; r++) {
    const from = start[r] as number;
    const to = start[r + 1] as number;
    let sum = 0;
    for (let k = from; k < to; k++) {
      const y = (factor[reference[k] as number] as number) * (weight[k] as number);
      assigned[k] = y;
      sum += y;
    }
    for (let k = from; k < to; k++) assigned[k] = sum === 0 ? 0 : (assigned[k] as number) / sum;
  }
}

function summedChange(before: Float64Array, after: Float64Array): number {
  let sum = 0;
  before.forEach((value, g) => {
    sum += Math.abs(value - (after[g] as number));
  });
  return sum;
}
