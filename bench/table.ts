/** Prints a table: a title, column heads and rows of texts; numbers are right-aligned. */
export function printTable(title: string, heads: readonly string[], rows: readonly (readonly string[])[]): void {
  const widths = heads.map((head, column) => Math.max(head.length, ...rows.map((row) => (row[column] ?? '').length)));
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, column) =>
        /^[-\d.]/.test(cell) ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0),
      )
      .join('  ')
      .trimEnd();
  const body = [line(heads), widths.map((width) => '─'.repeat(width)).join('  '), ...rows.map(line)];
  process.stdout.write(`\n${title}\n${body.map((text) => `  ${text}`).join('\n')}\n`);
}

/** The value below which a share of the sorted values lies. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}

/** Seconds for a table. */
export function seconds(value: number): string {
  return value.toFixed(2);
}
