import { roundHalfEven } from '../numbers.js';
import { type AlignmentTable, RECORD } from './alignments.js';

/** How the kept alignments cover one reference sequence. */
export type Coverage = {
  /** Depth per base. */
  align: number[];
  /** Share of bases with depth above 0, to 3 decimals. */
  coverage: number;
  /** Mean depth as a whole number. */
  depth: number;
};

/**
 * Coverage of the given references by the kept lines. Every line adds 1 to the bases from its position on over the whole length of the
 * read, soft-clipped ends included; what lies beyond the sequence is ignored. Both figures are rounded half to even.
 * Throws if the length of one of the references is not known; each reference is to be given once.
 */
export function coverReferences(
  table: AlignmentTable,
  kept: Uint8Array,
  references: readonly number[],
  lengths: ReadonlyMap<string, number>,
): Coverage[] {
  // One more element than bases: a step down behind the last base.
  const steps = new Map<number, number[]>();
  for (const g of references) {
    const bases = requireLength(lengths, table.references[g] ?? '');
    steps.set(g, new Array<number>(bases + 1).fill(0));
  }
  const stepsOf = table.references.map((_, g) => steps.get(g));
  let line = 0;
  for (const records of table.blocks()) {
    for (let at = 0; at < records.length; at += RECORD.words, line++) {
      if (kept[line] === 0) continue;
      const own = stepsOf[records[at + RECORD.reference] as number];
      if (own === undefined) continue;
      const bases = own.length - 1;
      const before = (records[at + RECORD.position] as number) - 1;
      const from = Math.max(0, before);
      const to = before + (records[at + RECORD.length] as number);
      if (from >= bases || to <= from) continue;
      addStep(own, from, 1);
      addStep(own, Math.min(to, bases), -1);
    }
  }
  return references.map((g) => summarize(steps.get(g) ?? []));
}

/** Turns the steps up and down along a sequence into its depths, in place. */
function summarize(steps: number[]): Coverage {
  steps.pop();
  const bases = steps.length;
  let depth = 0;
  let sum = 0;
  let uncovered = 0;
  for (let i = 0; i < bases; i++) {
    depth += steps[i] as number;
    steps[i] = depth;
    sum += depth;
    if (depth === 0) uncovered++;
  }
  return { align: steps, coverage: roundHalfEven(1 - uncovered / bases, 3), depth: roundHalfEven(sum / bases) };
}

function addStep(steps: number[], base: number, change: number): void {
  steps[base] = (steps[base] as number) + change;
}

function requireLength(lengths: ReadonlyMap<string, number>, reference: string): number {
  const length = lengths.get(reference);
  if (length === undefined) throw new Error(`The length of reference sequence '${reference}' is not known`);
  if (!Number.isInteger(length) || length < 1)
    throw new Error(`Reference sequence '${reference}' has a length of ${length}`);
  return length;
}
