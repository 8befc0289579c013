import { compareCodePoints, formatFloat } from '../numbers.js';
import type { EmResult } from './em.js';
import type { Matrix } from './matrix.js';
import type { Tally } from './tally.js';

/** Rows end before the first reference with less than this and without any confident hit. */
const MIN_PI = 0.01;

const COLUMNS = [
  'Genome',
  'Final Guess',
  'Final Best Hit',
  'Final Best Hit Read Numbers',
  'Final High Confidence Hits',
  'Final Low Confidence Hits',
  'Initial Guess',
  'Initial Best Hit',
  'Initial Best Hit Read Numbers',
  'Initial High Confidence Hits',
  'Initial Low Confidence Hits',
];

/** The figures of one reference before or after the reassignment. */
export type ReportState = {
  /** Estimated share in the sample. */
  pi: number;
  /** Share of all reads whose best hit it is. */
  best: number;
  high: number;
  low: number;
  /** Number of reads whose best hit it is; ties count in parts. */
  hits: number;
};

export type ReportRow = {
  /** Number of the reference in the matrix. */
  reference: number;
  name: string;
  final: ReportState;
  initial: ReportState;
};

/**
 * The rows of the report: references by falling pi, then falling name (by code point), up to the first one with pi below 0.01 and neither
 * high nor low hits. Everything behind that one is left out too, even if it has hits. `nameOf` gives the name for the order of equal ones,
 * where it is another than that of the alignments.
 */
export function reportRows(
  matrix: Matrix,
  em: EmResult,
  initial: Tally,
  final: Tally,
  nameOf = (reference: string) => reference,
): ReportRow[] {
  const rows = matrix.references.map((name, g) => ({
    reference: g,
    name,
    final: stateOf(em.pi, final, g),
    initial: stateOf(em.initialPi, initial, g),
  }));
  rows.sort((a, b) => b.final.pi - a.final.pi || compareCodePoints(nameOf(b.name), nameOf(a.name)));
  const end = rows.findIndex(({ final: { pi, high, low } }) => pi < MIN_PI && high <= 0 && low <= 0);
  return end < 0 ? rows : rows.slice(0, end);
}

/** `report.tsv`: a line of totals, a line of column names, the rows. Tab-separated, CR LF at each line's end. */
export function formatReport(rows: ReportRow[], readCount: number, referenceCount: number): string {
  const lines = [
    `Total Number of Aligned Reads:\t${readCount}\tTotal Number of Mapped Genomes:\t${referenceCount}`,
    COLUMNS.join('\t'),
    ...rows.map(({ name, final, initial }) => [name, ...stateCells(final), ...stateCells(initial)].join('\t')),
  ];
  return lines.map((line) => `${line}\r\n`).join('');
}

function stateOf(pi: Float64Array, { hits, best, high, low }: Tally, g: number): ReportState {
  const at = (values: Float64Array) => values[g] as number;
  return { pi: at(pi), best: at(best), high: at(high), low: at(low), hits: at(hits) };
}

function stateCells({ pi, best, hits, high, low }: ReportState): string[] {
  return [pi, best, hits, high, low].map(formatFloat);
}
