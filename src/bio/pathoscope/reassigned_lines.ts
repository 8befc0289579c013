import { type AlignmentTable, IGNORED_LINE, READ_MASK, RECORD } from './alignments.js';
import { type Matrix, UNIQUE_READ } from './matrix.js';

/** A line is kept if its read belongs to its reference with at least this share. */
const MIN_ASSIGNMENT = 0.01;

/**
 * Which lines of the VTA go into `reassigned.vta`: one byte per line, 1 to copy it. Of a read with one reference only its first line
 * is kept; of others every line whose (read, reference) pair has a final assignment of 0.01 or more.
 */
export function reassignedLines(table: AlignmentTable, matrix: Matrix, assigned: Float64Array): Uint8Array {
  const kept = new Uint8Array(table.lineCount);
  const { start, reference } = matrix.multi;
  let line = 0;
  let readsSeen = 0;
  for (const records of table.blocks()) {
    for (let at = 0; at < records.length; at += RECORD.words, line++) {
      const g = records[at + RECORD.reference] as number;
      if (g === IGNORED_LINE) continue;
      const r = (records[at + RECORD.read] as number) & READ_MASK;
      // Reads are numbered by first sight, so the next new number is the first line of its read.
      const isFirst = r === readsSeen;
      if (isFirst) readsSeen++;
      const n = matrix.multiOfRead[r] as number;
      if (n === UNIQUE_READ) {
        kept[line] = isFirst ? 1 : 0;
        continue;
      }
      let k = start[n] as number;
      while (reference[k] !== g) k++;
      kept[line] = (assigned[k] as number) >= MIN_ASSIGNMENT ? 1 : 0;
    }
  }
  return kept;
}
