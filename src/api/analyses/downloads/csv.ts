import type { Cell } from './table.js';

/** Text that a spreadsheet program would take for a formula. A sign alone, as a strand has it, is none. */
const FORMULA_LIKE = /^[=+\-@\t\r\n]./s;

/** Rows as comma-separated values (RFC 4180). */
export function formatCsv(rows: readonly (readonly Cell[])[]): string {
  return rows.map(formatRow).join('');
}

/**
 * A line of comma-separated values with its end: texts in quotes, numbers bare. A text that begins like a formula gets an apostrophe in front,
 * as names come from whoever wrote a reference.
 */
export function formatRow(cells: readonly Cell[]): string {
  return `${cells.map(formatCell).join(',')}\r\n`;
}

function formatCell(value: Cell): string {
  if (typeof value === 'number') return String(value);
  const text = FORMULA_LIKE.test(value) ? `'${value}` : value;
  return `"${text.replaceAll('"', '""')}"`;
}
