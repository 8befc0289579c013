import type { Cell } from './table.js';

/** Rows as comma-separated values (RFC 4180). */
export function formatCsv(rows: readonly (readonly Cell[])[]): string {
  return rows.map(formatRow).join('');
}

/** A line of comma-separated values with its end: texts in quotes, numbers bare. */
export function formatRow(cells: readonly Cell[]): string {
  return `${cells.map(formatCell).join(',')}\r\n`;
}

function formatCell(value: Cell): string {
  return typeof value === 'number' ? String(value) : `"${value.replaceAll('"', '""')}"`;
}
