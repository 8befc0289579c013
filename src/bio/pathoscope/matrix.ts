import { exactExp } from '../exp.js';
import { type AlignmentTable, IGNORED_LINE } from './alignments.js';

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

/** The reads of N as one list of (read, reference) pairs; those of read r are `start[r]` to `start[r + 1] - 1`. */
export type MultiReads = {
  count: number;
  start: Uint32Array;
  reference: Uint32Array;
  weight: Float64Array;
  /** Per read: its largest weight. */
  best: Float64Array;
};

/**
 * Builds the matrix. A read and a reference that meet in several lines have the p-score of the first of them. The weight of a pair is
 * exp(p * c), c = 100 / largest p of all lines. Without any usable line everything is empty.
 */
export function buildMatrix(table: AlignmentTable): Matrix {
  const weights = weightPerScore(table);
  const linesOfRead = groupLines(table);
  const { distinct, secondLine } = countReferences(table, linesOfRead);
  const multiOfRead = orderMultiReads(table, secondLine);
  return {
    references: table.references,
    readCount: table.readCount,
    unique: collectUnique(table, linesOfRead, multiOfRead, weights),
    multi: collectMulti(table, linesOfRead, multiOfRead, distinct, weights),
    multiOfRead,
  };
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

function weightPerScore({ scores }: AlignmentTable): Float64Array {
  let largest = 0;
  for (const score of scores) if (score > largest) largest = score;
  const factor = SCALE / largest;
  return Float64Array.from(scores, (score) => exactExp(score * factor));
}

type LinesOfRead = { start: Uint32Array; line: Uint32Array };

/** Lists the usable lines by read, within a read in file order (a counting sort). */
function groupLines({ lineCount, readCount, read, reference }: AlignmentTable): LinesOfRead {
  const start = new Uint32Array(readCount + 1);
  for (let i = 0; i < lineCount; i++) {
    if (reference[i] !== IGNORED_LINE) start[(read[i] as number) + 1] = (start[(read[i] as number) + 1] as number) + 1;
  }
  for (let r = 0; r < readCount; r++) start[r + 1] = (start[r + 1] as number) + (start[r] as number);
  const line = new Uint32Array(start[readCount] as number);
  const next = start.slice(0, readCount);
  for (let i = 0; i < lineCount; i++) {
    if (reference[i] === IGNORED_LINE) continue;
    const r = read[i] as number;
    line[next[r] as number] = i;
    next[r] = (next[r] as number) + 1;
  }
  return { start, line };
}

/** Per read the number of distinct references and the line that brought the second one (0 if there is none: line 0 is never that). */
function countReferences(table: AlignmentTable, { start, line }: LinesOfRead) {
  const distinct = new Uint32Array(table.readCount);
  const secondLine = new Uint32Array(table.readCount);
  const seenBy = new Int32Array(table.references.length).fill(-1);
  for (let r = 0; r < table.readCount; r++) {
    const to = start[r + 1] as number;
    let count = 0;
    for (let k = start[r] as number; k < to; k++) {
      const i = line[k] as number;
      const g = table.reference[i] as number;
      if (seenBy[g] === r) continue;
      seenBy[g] = r;
      count++;
      if (count === 2) secondLine[r] = i;
    }
    distinct[r] = count;
  }
  return { distinct, secondLine };
}

function orderMultiReads({ lineCount, readCount, read }: AlignmentTable, secondLine: Uint32Array): Int32Array {
  const multiOfRead = new Int32Array(readCount).fill(UNIQUE_READ);
  let count = 0;
  for (let i = 1; i < lineCount; i++) {
    const r = read[i] as number;
    if (secondLine[r] === i) multiOfRead[r] = count++;
  }
  return multiOfRead;
}

function collectUnique(table: AlignmentTable, lines: LinesOfRead, multiOfRead: Int32Array, weights: Float64Array) {
  let count = 0;
  for (let r = 0; r < table.readCount; r++) if (multiOfRead[r] === UNIQUE_READ) count++;
  const reference = new Uint32Array(count);
  const weight = new Float64Array(count);
  let u = 0;
  for (let r = 0; r < table.readCount; r++) {
    if (multiOfRead[r] !== UNIQUE_READ) continue;
    const first = lines.line[lines.start[r] as number] as number;
    reference[u] = table.reference[first] as number;
    weight[u] = weights[table.score[first] as number] as number;
    u++;
  }
  return { reference, weight };
}

function collectMulti(
  table: AlignmentTable,
  lines: LinesOfRead,
  multiOfRead: Int32Array,
  distinct: Uint32Array,
  weights: Float64Array,
): MultiReads {
  const reads = readsInMultiOrder(multiOfRead);
  const count = reads.length;
  const start = new Uint32Array(count + 1);
  for (let n = 0; n < count; n++) start[n + 1] = (start[n] as number) + (distinct[reads[n] as number] as number);
  const pairs = start[count] as number;
  const multi = {
    count,
    start,
    reference: new Uint32Array(pairs),
    weight: new Float64Array(pairs),
    best: new Float64Array(count),
  };
  const seenBy = new Int32Array(table.references.length).fill(-1);
  for (let n = 0, pair = 0; n < count; n++) {
    const r = reads[n] as number;
    const to = lines.start[r + 1] as number;
    let best = 0;
    for (let k = lines.start[r] as number; k < to; k++) {
      const i = lines.line[k] as number;
      const g = table.reference[i] as number;
      if (seenBy[g] === n) continue;
      seenBy[g] = n;
      const w = weights[table.score[i] as number] as number;
      multi.reference[pair] = g;
      multi.weight[pair] = w;
      pair++;
      if (w > best) best = w;
    }
    multi.best[n] = best;
  }
  return multi;
}

function readsInMultiOrder(multiOfRead: Int32Array): Uint32Array {
  let count = 0;
  for (const n of multiOfRead) if (n !== UNIQUE_READ) count++;
  const reads = new Uint32Array(count);
  for (let r = 0; r < multiOfRead.length; r++) {
    const n = multiOfRead[r] as number;
    if (n !== UNIQUE_READ) reads[n] = r;
  }
  return reads;
}
