import { type AlignmentTable, listRecords } from '../bio/pathoscope/alignments.js';
import { coverReferences } from '../bio/pathoscope/coverage.js';
import type { EmResult } from '../bio/pathoscope/em.js';
import { type Matrix, UNIQUE_READ } from '../bio/pathoscope/matrix.js';
import { sha256 } from './sha256.js';

/** Details of more reads than this show only the first and the last of their lists. */
const COMPLETE_READS = 3000;
const [FIRST, LAST] = [60, 20];

/** A read of N: its number, and its references, weights, assignment and largest weight. */
export type MultiRead = [read: number, [references: number[], weights: number[], assigned: number[], best: number]];

/** A stretch of equal depth above 0. */
type Run = [start: number, length: number, depth: number];

/** A run of Pathoscope with what its stages gave. */
type DescribedRun = {
  table: AlignmentTable;
  matrix: Matrix;
  /** The assignment before the expectation maximisation. */
  start: Float64Array;
  em: EmResult;
  kept: Uint8Array;
  lengths: ReadonlyMap<string, number>;
  /** Names of the reads by their number. */
  reads: readonly string[];
};

/** `details.json` of a case: matrix entries, dropped lines, and the depth of every reference of the others, reported or not. */
export function describeRun({ table, matrix, start, em, kept, lengths, reads }: DescribedRun) {
  const complete = matrix.readCount <= COMPLETE_READS;
  const shown = <T>(all: T[]): T[] =>
    complete || all.length <= FIRST + LAST ? all : [...all.slice(0, FIRST), ...all.slice(-LAST)];
  const references = keptReferences(table, kept);
  const coverages = coverReferences(table, kept, references, lengths);
  return {
    matrix: {
      complete,
      reads: complete ? reads : null,
      u: shown(uniqueReads(matrix)),
      nu: shown(multiReads(matrix, start)),
      nu_final: shown(multiReads(matrix, em.assigned)),
    },
    dropped_lines: Array.from(kept.keys()).filter((i) => kept[i] === 0),
    coverage: coverages.map(({ align }, i) => ({
      ref: matrix.references[references[i] as number],
      length: align.length,
      covered: align.filter((depth) => depth > 0).length,
      sum: align.reduce((sum, depth) => sum + depth, 0),
      max: align.reduce((most, depth) => Math.max(most, depth), 0),
      sha256: sha256(align.join(',')),
      runs: coveredRuns(align),
    })),
  };
}

/** References with kept lines, in order of first sight. */
function keptReferences(table: AlignmentTable, kept: Uint8Array): number[] {
  const records = listRecords(table).filter((_, i) => kept[i] === 1);
  return [...new Set(records.map(({ reference }) => reference))];
}

/** The reads of N in order, with an assignment of theirs. */
export function multiReads({ multi, multiOfRead }: Matrix, assigned: Float64Array): MultiRead[] {
  const reads = new Array<number>(multi.count);
  multiOfRead.forEach((n, read) => {
    if (n !== UNIQUE_READ) reads[n] = read;
  });
  return reads.map((read, n) => {
    const part = (values: Uint32Array | Float64Array) => [...values.subarray(multi.start[n], multi.start[n + 1])];
    return [read, [part(multi.reference), part(multi.weight), part(assigned), multi.best[n] as number]];
  });
}

/** The reads of U in order: their number, reference and weight. */
export function uniqueReads({ unique, multiOfRead }: Matrix): [number, [number, number]][] {
  const reads = Array.from(multiOfRead.keys()).filter((read) => multiOfRead[read] === UNIQUE_READ);
  return reads.map((read, u) => [read, [unique.reference[u] as number, unique.weight[u] as number]]);
}

function coveredRuns(align: readonly number[]): Run[] {
  const runs: Run[] = [];
  align.forEach((depth, i) => {
    if (depth === 0) return;
    const last = runs.at(-1);
    if (last !== undefined && i > 0 && align[i - 1] === depth) last[1]++;
    else runs.push([i, 1, depth]);
  });
  return runs;
}
