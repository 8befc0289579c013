import { Alignments, type AlignmentTable, IGNORED_LINE, listRecords } from '../bio/pathoscope/alignments.js';
import { reassign } from '../bio/pathoscope/em.js';
import { buildMatrix, initialAssignment, type Matrix } from '../bio/pathoscope/matrix.js';
import { reassignedLines } from '../bio/pathoscope/reassigned_lines.js';
import { type PathoscopeHit, runPathoscope } from '../bio/pathoscope/run.js';
import { Subtraction } from '../bio/pathoscope/subtraction.js';
import { type Tally, tally } from '../bio/pathoscope/tally.js';
import { parseVtaLine } from '../bio/vta.js';
import { describeRun, multiReads, uniqueReads } from './pathoscope_details.js';
import { sha256 } from './sha256.js';

/** What a case of Pathoscope is computed from. */
export type PathoscopeInput = {
  /** The lines of `input.vta`, before a subtraction. */
  lines: readonly string[];
  /** Read to p-score against the host; undefined without a subtraction. */
  hostScores: Readonly<Record<string, number>> | undefined;
  /** Reference to length in bases. */
  lengths: Readonly<Record<string, number>>;
  /** Reference to OTU; where a case has none, the OTU is `otu_` and the reference. */
  otus: Readonly<Record<string, string>> | undefined;
};

/** `expected.json`, `details.json`, `report.tsv` and `reassigned.vta` of a case. */
export function pathoscopeDocuments(input: PathoscopeInput) {
  const subtracted = input.hostScores && subtract(input.lines, input.hostScores);
  const lines = subtracted?.lines ?? input.lines;
  const lengths = new Map(Object.entries(input.lengths));
  const table = tableOf(lines);
  const matrix = buildMatrix(table);
  const start = initialAssignment(matrix.multi);
  const em = reassign(matrix);
  const kept = reassignedLines(table, matrix, em.assigned);
  const reassigned = toText(lines.filter((_, i) => kept[i] === 1));
  const result = runPathoscope(table, lengths);
  const reads = readNames(lines, table);
  return {
    expected: {
      input: { lines: input.lines.length, sha256: sha256(toText(input.lines)) },
      ...(subtracted ? { subtraction: subtracted.document } : {}),
      matrix: matrixDocument(matrix, start, reads),
      initial: statesOf(tally(matrix, start)),
      em: {
        iterations: em.deltas.length,
        deltas: em.deltas,
        init_pi: [...em.initialPi],
        pi: [...em.pi],
        theta: [...em.theta],
      },
      final: statesOf(tally(matrix, em.assigned)),
      reassigned: { lines: kept.filter(Boolean).length, sha256: sha256(reassigned) },
      report: {
        tsv_sha256: sha256(result.report),
        entries: result.hits.map(({ id, final, initial }) => [id, { final, initial }]),
      },
      job_results: {
        ready: true,
        read_count: result.readCount,
        results: result.hits.map((hit) => storedHit(hit, input.otus)),
      },
    },
    details: describeRun({ table, matrix, start, em, kept, lengths, reads }),
    report: result.report,
    reassigned,
  };
}

/** Removes what aligns as well to the host: the lines that are left, and what the documents say about it. */
export function subtract(lines: readonly string[], hostScores: Readonly<Record<string, number>>) {
  const subtraction = new Subtraction();
  for (const [read, score] of Object.entries(hostScores)) subtraction.addHostScore(read, score);
  for (const line of lines) subtraction.addVtaLine(line);
  const { kept, subtractedCount } = subtraction.result();
  const left = lines.filter((_, i) => kept[i] === 1);
  return {
    lines: left,
    text: toText(left),
    document: { subtracted_count: subtractedCount, lines_after: left.length, sha256_after: sha256(toText(left)) },
  };
}

function toText(lines: readonly string[]): string {
  return lines.map((line) => `${line}\n`).join('');
}

function tableOf(lines: readonly string[]): AlignmentTable {
  const alignments = new Alignments();
  for (const line of lines) alignments.addLine(line);
  return alignments.finish();
}

/** Names of the reads by their number. */
function readNames(lines: readonly string[], table: AlignmentTable): string[] {
  const names: string[] = [];
  listRecords(table).forEach(({ read, reference }, i) => {
    // Lines below the cut-off number no read.
    if (reference !== IGNORED_LINE) names[read] ??= parseVtaLine(lines[i] as string).read;
  });
  return names;
}

function matrixDocument(matrix: Matrix, start: Float64Array, reads: readonly string[]) {
  const unique = uniqueReads(matrix);
  const multi = multiReads(matrix, start);
  const zeros = () => new Float64Array(matrix.references.length);
  const sums = { u: zeros(), nu: zeros(), uReads: zeros(), nuReads: zeros() };
  const add = (values: Float64Array, g: number, amount: number) => {
    values[g] = (values[g] as number) + amount;
  };
  for (const [, [g, weight]] of unique) {
    add(sums.u, g, weight);
    add(sums.uReads, g, 1);
  }
  for (const [, [references, weights]] of multi) {
    references.forEach((g, k) => {
      add(sums.nu, g, weights[k] as number);
      add(sums.nuReads, g, 1);
    });
  }
  const structure = [
    ...unique.map(([read, [reference]]) => `u ${read}:${reference}\n`),
    ...multi.map(([read, [references]]) => `nu ${read}:${references.join(',')}\n`),
  ];
  return {
    refs: matrix.references,
    read_count: matrix.readCount,
    reads_sha256: sha256(reads.join('\n')),
    u_count: unique.length,
    nu_count: multi.length,
    structure_sha256: sha256(structure.join('')),
    u_reads_per_ref: [...sums.uReads],
    u_score_sum_per_ref: [...sums.u],
    nu_reads_per_ref: [...sums.nuReads],
    nu_score_sum_per_ref: [...sums.nu],
  };
}

function statesOf({ hits, best, high, low }: Tally) {
  return { best_hit_reads: [...hits], best_hit: [...best], level_1: [...high], level_2: [...low] };
}

function storedHit(
  { id, final, initial, coverage, depth, align }: PathoscopeHit,
  otus: Readonly<Record<string, string>> | undefined,
) {
  const otu = { version: 0, id: otus?.[id] ?? `otu_${id}` };
  return { final, initial, id, otu, coverage, depth, align_sha256: sha256(align.join(',')) };
}
