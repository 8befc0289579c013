import { type AlignmentTable, IGNORED_LINE } from './alignments.js';
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
  let readsSeen = 0;
  for (let i = 0; i < table.lineCount; i++) {
    const g = table.reference[i] as number;
    if (g === IGNORED_LINE) continue;
    const r = table.read[i] as number;
    // Reads are numbered by first sight, so the next new number is the first line of its read.
    const isFirst = r === readsSeen;
    if (isFirst) readsSeen++;
    const n = matrix.multiOfRead[r] as number;
    if (n === UNIQUE_READ) {
      kept[i] = isFirst ? 1 : 0;
      continue;
    }
    let k = start[n] as number;
    while (reference[k] !== g) k++;
    kept[i] = (assigned[k] as number) >= MIN_ASSIGNMENT ? 1 : 0;
  }
  return kept;
}
