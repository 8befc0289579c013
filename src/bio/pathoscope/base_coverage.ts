import { coveredStretches } from '../cigar.js';
import { packDepths } from '../depth_runs.js';
import { roundHalfEven } from '../numbers.js';
import { type AlignmentTable, RECORD, WHOLE_READ } from './alignments.js';

/** How the bases of the kept alignments cover one reference sequence. */
export type BaseCoverage = {
  /** Depth per base, packed (see `packDepths`). */
  align: string;
  /** Share of bases with depth above 0, to 3 decimals. */
  coverage: number;
  /** Mean depth as a whole number. */
  depth: number;
};

/**
 * Coverage of the given references, whose lengths are `bases`, by the bases of the kept lines that really stand on the reference: clipped and
 * inserted bases of a read and deleted ones of the reference count nowhere. A line without a CIGAR counts with its whole
 * read. Figures are rounded as those of `coverReferences`. Each reference is to be given once.
 */
export function coverBases(
  table: AlignmentTable,
  kept: Uint8Array,
  references: readonly number[],
  bases: readonly number[],
): BaseCoverage[] {
  const stretches = table.cigars.map(coveredStretches);
  // One more element than bases: a step down behind the last base.
  const stepsOf = new Array<Int32Array | undefined>(table.references.length).fill(undefined);
  for (const [i, g] of references.entries()) stepsOf[g] = new Int32Array((bases[i] as number) + 1);
  let line = 0;
  for (const records of table.blocks()) {
    for (let at = 0; at < records.length; at += RECORD.words, line++) {
      if (kept[line] === 0) continue;
      const steps = stepsOf[records[at + RECORD.reference] as number];
      if (steps === undefined) continue;
      const before = (records[at + RECORD.position] as number) - 1;
      const cigar = records[at + RECORD.cigar] as number;
      if (cigar === WHOLE_READ) cover(steps, before, records[at + RECORD.length] as number);
      else {
        const covered = stretches[cigar - 1] as Uint32Array;
        for (let k = 0; k < covered.length; k += 2) {
          cover(steps, before + (covered[k] as number), covered[k + 1] as number);
        }
      }
    }
  }
  return references.map((g) => summarize(stepsOf[g] as Int32Array));
}

/** Adds 1 to the bases of a stretch that lie on the sequence. */
function cover(steps: Int32Array, start: number, length: number): void {
  const bases = steps.length - 1;
  const from = Math.max(0, start);
  const to = Math.min(bases, start + length);
  if (to <= from) return;
  steps[from] = (steps[from] as number) + 1;
  steps[to] = (steps[to] as number) - 1;
}

/** Turns the steps up and down along a sequence into its depths, in place. */
function summarize(steps: Int32Array): BaseCoverage {
  const depths = steps.subarray(0, -1);
  let depth = 0;
  let sum = 0;
  let covered = 0;
  for (let i = 0; i < depths.length; i++) {
    depth += depths[i] as number;
    depths[i] = depth;
    sum += depth;
    if (depth > 0) covered++;
  }
  const share = 1 - (depths.length - covered) / depths.length;
  return { align: packDepths(depths), coverage: roundHalfEven(share, 3), depth: roundHalfEven(sum / depths.length) };
}
