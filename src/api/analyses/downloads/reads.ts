import type { AnalysisDocument, AnalysisReads } from '../../../store/analyses.js';
import type { Cell } from './table.js';

const COLUMNS = ['Reads', 'Reads Trimmed', 'Reads Used'];

/** Cells of each row: empty ones when an analysis of an older release does not know it. */
function readsCells(reads: AnalysisReads | undefined): Cell[] {
  return reads ? [reads.total, reads.trimmed, reads.used] : COLUMNS.map(() => '');
}

/**
 * Rows with what became of the reads behind each of them; the first one has the names of the columns. Without any other the numbers stand in a
 * row of their own, as they matter most where nothing was found.
 */
export function withReads(rows: readonly (readonly Cell[])[], reads: AnalysisReads | undefined): Cell[][] {
  const [head = [], ...others] = rows;
  const shown = others.length > 0 ? others : [head.map(() => '')];
  return [[...head, ...COLUMNS], ...shown.map((row) => [...row, ...readsCells(reads)])];
}

/** A sheet that tells what became of the reads, and warnings; undefined when an analysis of an older release does not know it. */
export function readsSheet({
  reads,
  warnings = [],
}: Pick<AnalysisDocument, 'reads' | 'warnings'>): Cell[][] | undefined {
  if (!reads) return undefined;
  return [
    ['Reads', 'Number'],
    ['In the sample', reads.total],
    ['Trimmed away', reads.trimmed],
    ['Looked at', reads.used],
    ...warnings.map(({ message }) => ['Warning', message]),
  ];
}
