import { describe, expect, test } from 'vitest';
import { Alignments, type AlignmentTable } from '../../../src/bio/pathoscope/alignments.js';
import { coverReferences } from '../../../src/bio/pathoscope/coverage.js';
import { reassign } from '../../../src/bio/pathoscope/em.js';
import { buildMatrix, initialAssignment, type Matrix, UNIQUE_READ } from '../../../src/bio/pathoscope/matrix.js';
import { reassignedLines } from '../../../src/bio/pathoscope/reassigned_lines.js';
import { runPathoscope } from '../../../src/bio/pathoscope/run.js';
import { Subtraction } from '../../../src/bio/pathoscope/subtraction.js';
import { type Tally, tally } from '../../../src/bio/pathoscope/tally.js';
import { goldenFolders, goldenJson, goldenLines, goldenText, hasGolden, sha256 } from '../golden.js';

// Every float of this file is compared to the last bit, none with a tolerance: the reassignment is meant to equal the original's, not to
// resemble it. Sums of weights, for which the vectors allow a relative difference, come out equal too as long as the order of summing is kept.

type States = { best_hit_reads: number[]; best_hit: number[]; level_1: number[]; level_2: number[] };
type State = { pi: number; best: number; high: number; low: number; reads: number };
type Expected = {
  input: { lines: number; sha256: string };
  subtraction?: object;
  error?: object;
  matrix: {
    refs: string[];
    read_count: number;
    reads_sha256: string;
    u_count: number;
    nu_count: number;
    structure_sha256: string;
    u_reads_per_ref: number[];
    u_score_sum_per_ref: number[];
    nu_reads_per_ref: number[];
    nu_score_sum_per_ref: number[];
  };
  initial: States;
  final: States;
  em: { iterations: number; deltas: number[]; init_pi: number[]; pi: number[]; theta: number[] };
  reassigned: { lines: number; sha256: string };
  report: { tsv_sha256: string; entries: [string, { final: State; initial: State }][] };
  job_results: { read_count: number; results: JobResult[] };
};
type JobResult = { id: string; final: State; initial: State; coverage: number; depth: number; align_sha256: string };
type Run = [start: number, length: number, depth: number];
type MultiRead = [read: number, [references: number[], weights: number[], assigned: number[], best: number]];
type Details = {
  matrix: { complete: boolean; u: [number, [number, number]][]; nu: MultiRead[]; nu_final: MultiRead[] };
  dropped_lines: number[];
  coverage: { ref: string; length: number; covered: number; sum: number; max: number; sha256: string; runs: Run[] }[];
};

const cases = [...goldenFolders('pathoscope/'), ...goldenFolders('pathoscope/edge/').map((name) => `edge/${name}`)]
  .filter((name) => hasGolden(`pathoscope/${name}/input.vta`))
  .map((name) => ({ name, expected: goldenJson<Expected>(`pathoscope/${name}/expected.json`) }))
  .filter(({ expected }) => expected.error === undefined);

/** The lines of a case's VTA, after its subtraction if it has one. */
function inputLines(name: string, expected: Expected): string[] {
  const lines = goldenLines(`pathoscope/${name}/input.vta`);
  if (expected.subtraction === undefined) return lines;
  const subtraction = new Subtraction();
  for (const [read, score] of Object.entries(
    goldenJson<Record<string, number>>(`pathoscope/${name}/host_scores.json`),
  )) {
    subtraction.addHostScore(read, score);
  }
  for (const line of lines) subtraction.addVtaLine(line);
  const { kept } = subtraction.result();
  return lines.filter((_, i) => kept[i] === 1);
}

function tableOf(lines: string[]): AlignmentTable {
  const alignments = new Alignments();
  for (const line of lines) alignments.addLine(line);
  return alignments.finish();
}

/** Per read of N, in order: read number, references, weights, assignment, largest weight. */
function multiReads({ multi, multiOfRead }: Matrix, assigned: Float64Array): MultiRead[] {
  const reads = new Map([...multiOfRead].flatMap((n, r) => (n === UNIQUE_READ ? [] : [[n, r] as const])));
  return Array.from({ length: multi.count }, (_, n) => {
    const part = (values: Uint32Array | Float64Array) => [...values.subarray(multi.start[n], multi.start[n + 1])];
    return [reads.get(n)!, [part(multi.reference), part(multi.weight), part(assigned), multi.best[n]!]];
  });
}

function uniqueReads({ unique, multiOfRead }: Matrix): [number, [number, number]][] {
  const reads = [...multiOfRead].flatMap((n, r) => (n === UNIQUE_READ ? [r] : []));
  return reads.map((read, u) => [read, [unique.reference[u]!, unique.weight[u]!]]);
}

/** The golden details show the first 60 and the last 20 of long lists. */
function asShown<T>(all: T[], complete: boolean): T[] {
  return complete || all.length <= 80 ? all : [...all.slice(0, 60), ...all.slice(-20)];
}

/** Stretches of equal depth above 0. */
function coveredRuns(align: number[]): Run[] {
  const runs: Run[] = [];
  align.forEach((depth, i) => {
    if (depth === 0) return;
    if (i > 0 && align[i - 1] === depth) runs.at(-1)![1]++;
    else runs.push([i, 1, depth]);
  });
  return runs;
}

function statesOf({ hits, best, high, low }: Tally): States {
  return { best_hit_reads: [...hits], best_hit: [...best], level_1: [...high], level_2: [...low] };
}

describe.each(cases)('$name', ({ name, expected }) => {
  const lines = inputLines(name, expected);
  const lengths = new Map(Object.entries(goldenJson<Record<string, number>>(`pathoscope/${name}/ref_lengths.json`)));
  const details = goldenJson<Details>(`pathoscope/${name}/details.json`);
  const table = tableOf(lines);
  const matrix = buildMatrix(table);
  const start = initialAssignment(matrix.multi);
  const em = reassign(matrix);

  test('the vectors are whole', () => {
    const input = goldenText(`pathoscope/${name}/input.vta`);
    expect([input.split('\n').length - 1, sha256(input)]).toEqual([expected.input.lines, expected.input.sha256]);
    expect(sha256(goldenText(`pathoscope/${name}/report.tsv`))).toBe(expected.report.tsv_sha256);
  });

  test('reads and references are numbered by first sight', () => {
    expect(matrix.references).toEqual(expected.matrix.refs);
    expect(matrix.readCount).toBe(expected.matrix.read_count);
    const names: string[] = [];
    lines.forEach((line, i) => {
      if (table.reference[i]! < table.references.length) names[table.read[i]!] ??= line.split(',')[0]!;
    });
    expect(sha256(names.join('\n'))).toBe(expected.matrix.reads_sha256);
  });

  test('matrix: which reads are unique, and the order of the others and of their references', () => {
    const multi = multiReads(matrix, start);
    const unique = uniqueReads(matrix);
    expect([unique.length, multi.length]).toEqual([expected.matrix.u_count, expected.matrix.nu_count]);
    const structure = [
      ...unique.map(([read, [reference]]) => `u ${read}:${reference}\n`),
      ...multi.map(([read, [references]]) => `nu ${read}:${references.join(',')}\n`),
    ];
    expect(sha256(structure.join(''))).toBe(expected.matrix.structure_sha256);
    expect(asShown(unique, details.matrix.complete)).toEqual(details.matrix.u);
    expect(asShown(multi, details.matrix.complete)).toEqual(details.matrix.nu);
  });

  test('matrix: sums of weights per reference', () => {
    const zeros = () => matrix.references.map(() => 0);
    const sums = { u: zeros(), nu: zeros(), uReads: zeros(), nuReads: zeros() };
    for (const [, [g, w]] of uniqueReads(matrix)) {
      sums.u[g]! += w;
      sums.uReads[g]!++;
    }
    for (const [, [references, weights]] of multiReads(matrix, start)) {
      references.forEach((g, k) => {
        sums.nu[g]! += weights[k]!;
        sums.nuReads[g]!++;
      });
    }
    expect(sums.uReads).toEqual(expected.matrix.u_reads_per_ref);
    expect(sums.nuReads).toEqual(expected.matrix.nu_reads_per_ref);
    expect(sums.u).toEqual(expected.matrix.u_score_sum_per_ref);
    expect(sums.nu).toEqual(expected.matrix.nu_score_sum_per_ref);
  });

  test('hits before and after', () => {
    expect(statesOf(tally(matrix, start))).toEqual(expected.initial);
    expect(statesOf(tally(matrix, em.assigned))).toEqual(expected.final);
  });

  test('expectation maximisation: rounds, changes, pi, theta and the final assignment', () => {
    expect(em.deltas).toEqual(expected.em.deltas);
    expect(em.deltas).toHaveLength(expected.em.iterations);
    expect([...em.initialPi]).toEqual(expected.em.init_pi);
    expect([...em.pi]).toEqual(expected.em.pi);
    expect([...em.theta]).toEqual(expected.em.theta);
    expect(asShown(multiReads(matrix, em.assigned), details.matrix.complete)).toEqual(details.matrix.nu_final);
  });

  test('the reassigned lines, to the byte', () => {
    const kept = reassignedLines(table, matrix, em.assigned);
    const copied = lines.filter((_, i) => kept[i] === 1);
    expect(copied).toHaveLength(expected.reassigned.lines);
    expect(sha256(copied.map((line) => `${line}\n`).join(''))).toBe(expected.reassigned.sha256);
    expect(lines.flatMap((_, i) => (kept[i] === 1 ? [] : [i]))).toEqual(details.dropped_lines);
  });

  test('the depth of every reference, reported or not', () => {
    const kept = reassignedLines(table, matrix, em.assigned);
    const references = details.coverage.map(({ ref }) => matrix.references.indexOf(ref));
    const coverages = coverReferences(table, kept, references, lengths);
    const summary = coverages.map(({ align }, i) => ({
      ref: details.coverage[i]!.ref,
      length: align.length,
      covered: align.filter((depth) => depth > 0).length,
      sum: align.reduce((sum, depth) => sum + depth, 0),
      max: Math.max(...align),
      sha256: sha256(align.join(',')),
      runs: coveredRuns(align),
    }));
    expect(summary).toEqual(details.coverage);
  });

  test('report and stored result', () => {
    const result = runPathoscope(table, lengths);
    expect(result.report).toBe(goldenText(`pathoscope/${name}/report.tsv`));
    expect(result.readCount).toBe(expected.job_results.read_count);
    expect(result.referenceCount).toBe(expected.matrix.refs.length);
    expect(result.hits.map(({ id, final, initial }) => [id, { final, initial }])).toEqual(expected.report.entries);
    const stored = result.hits.map(({ align, ...rest }) => ({ ...rest, align_sha256: sha256(align.join(',')) }));
    expect(stored).toEqual(
      expected.job_results.results.map(({ id, final, initial, coverage, depth, align_sha256 }) => ({
        id,
        final,
        initial,
        coverage,
        depth,
        align_sha256,
      })),
    );
  });
});
