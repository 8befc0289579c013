import { exactExp } from '../exp.js';
import { type AlignmentTable, FIRST_OF_PAIR, IGNORED_LINE, READ_MASK, RECORD } from './alignments.js';
import { Column } from './column.js';
import { createMultiReads, type MultiReads } from './multi_reads.js';

/** The scaled range of p-scores: the best one gets the weight e^100. */
const SCALE = 100;

/** Marks a read with one reference only in `Matrix.multiOfRead`. */
export const UNIQUE_READ = -1;

/**
 * Reads against references, as weights. U are the reads with one reference, in order of first sight; N those with several, in the order
 * in which their second reference was seen. All sums over them run in these orders, so that results are the same to the last bit.
 */
export type Matrix = {
  references: string[];
  readCount: number;
  /** Per read of U: its reference and weight. */
  unique: { reference: Uint32Array; weight: Float64Array };
  multi: MultiReads;
  /** Per read: its index in N, or UNIQUE_READ. */
  multiOfRead: Int32Array;
};

/**
 * Builds the matrix. A read and a reference that meet in several lines have the p-score of the first of them. The weight of a pair is
 * exp(p * c), c = 100 / largest p of all used lines. Memory grows with the pairs, not with the lines. Without any usable line everything is empty.
 */
export function buildMatrix(table: AlignmentTable): Matrix {
  const { readCount, references } = table;
  const counts = countPairs(table);
  const { multiReads } = counts;
  const multiOfRead = new Int32Array(readCount).fill(UNIQUE_READ);
  for (let n = 0; n < multiReads.length; n++) multiOfRead[multiReads.get(n)] = n;
  const uniqueCount = readCount - multiReads.length;
  const unique = { reference: new Uint32Array(uniqueCount), weight: new Float64Array(uniqueCount) };
  const matrix = { references, readCount, unique, multi: emptyMulti(counts, references.length), multiOfRead };
  placePairs(table, weightPerScore(table.scores, counts.largest), matrix);
  return matrix;
}

/** Each read's assignment in proportion to its weights, per pair of N. */
export function initialAssignment({ count, start, weight }: MultiReads): Float64Array {
  const assigned = new Float64Array(weight.length);
  for (let r = 0; r < count; r++) {
    const from = start[r] as number;
    const to = start[r + 1] as number;
    let sum = 0;
    for (let k = from; k < to; k++) sum += weight[k] as number;
    for (let k = from; k < to; k++) assigned[k] = (weight[k] as number) / sum;
  }
  return assigned;
}

type PairCounts = {
  /** Per read: with how many references it met. */
  distinct: Uint32Array;
  /** The reads of N, in their order. */
  multiReads: Column;
  /** Largest p-score of all used lines. */
  largest: number;
};

function countPairs(table: AlignmentTable): PairCounts {
  const distinct = new Uint32Array(table.readCount);
  const multiReads = new Column();
  const used = new Uint8Array(table.scores.length);
  for (const records of table.blocks()) {
    for (let at = 0; at < records.length; at += RECORD.words) {
      if (records[at + RECORD.reference] === IGNORED_LINE) continue;
      used[records[at + RECORD.score] as number] = 1;
      const read = records[at + RECORD.read] as number;
      if (read < FIRST_OF_PAIR) continue;
      const r = read & READ_MASK;
      const count = (distinct[r] as number) + 1;
      distinct[r] = count;
      if (count === 2) multiReads.push(r);
    }
  }
  const largest = table.scores.reduce((most, score, i) => (used[i] === 1 && score > most ? score : most), 0);
  return { distinct, multiReads, largest };
}

function weightPerScore(scores: readonly number[], largest: number): Float64Array {
  const factor = SCALE / largest;
  // Scores of lines that are not used may be larger, and nobody asks for their weights.
  return Float64Array.from(scores, (score) => (score > largest ? Number.NaN : exactExp(score * factor)));
}

function emptyMulti({ distinct, multiReads }: PairCounts, references: number): MultiReads {
  const count = multiReads.length;
  let pairs = 0;
  for (let n = 0; n < count; n++) pairs += distinct[multiReads.get(n)] as number;
  const multi = createMultiReads(count, pairs, references);
  for (let n = 0; n < count; n++) {
    multi.start[n + 1] = (multi.start[n] as number) + (distinct[multiReads.get(n)] as number);
  }
  return multi;
}

/** Puts every pair in its place; the first line of a pair, in file order, gives its weight. */
function placePairs(table: AlignmentTable, weights: Float64Array, { unique, multi, multiOfRead }: Matrix): void {
  const next = multi.start.slice(0, multi.count);
  let u = 0;
  for (const records of table.blocks()) {
    for (let at = 0; at < records.length; at += RECORD.words) {
      const read = records[at + RECORD.read] as number;
      if (read < FIRST_OF_PAIR) continue;
      const g = records[at + RECORD.reference] as number;
      const w = weights[records[at + RECORD.score] as number] as number;
      const n = multiOfRead[read & READ_MASK] as number;
      if (n === UNIQUE_READ) {
        unique.reference[u] = g;
        unique.weight[u++] = w;
        continue;
      }
      const pair = next[n] as number;
      next[n] = pair + 1;
      multi.reference[pair] = g;
      multi.weight[pair] = w;
      if (w > (multi.best[n] as number)) multi.best[n] = w;
    }
  }
}
