import { roundHalfEven } from '../numbers.js';
import type { AlignmentTable } from './alignments.js';

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
 * Throws if the length of one of the references is not known.
 */
export function coverReferences(
  table: AlignmentTable,
  kept: Uint8Array,
  references: readonly number[],
  lengths: ReadonlyMap<string, number>,
): Coverage[] {
  const steps = new Map<number, Int32Array>();
  for (const g of references) steps.set(g, new Int32Array(requireLength(lengths, table.references[g] ?? '') + 1));
  const stepsOf = table.references.map((_, g) => steps.get(g));
  for (let i = 0; i < table.lineCount; i++) {
    if (kept[i] === 0) continue;
    const own = stepsOf[table.reference[i] as number];
    if (own === undefined) continue;
    const bases = own.length - 1;
    const from = Math.max(0, (table.position[i] as number) - 1);
    const to = (table.position[i] as number) - 1 + (table.length[i] as number);
    if (from >= bases || to <= from) continue;
    own[from] = (own[from] as number) + 1;
    if (to < bases) own[to] = (own[to] as number) - 1;
  }
  return references.map((g) => summarize(steps.get(g) ?? new Int32Array(1)));
}

/** Turns steps up and down along a sequence (one more than its bases) into depths. */
function summarize(steps: Int32Array): Coverage {
  const bases = steps.length - 1;
  const align = new Array<number>(bases);
  let depth = 0;
  let sum = 0;
  let uncovered = 0;
  for (let i = 0; i < bases; i++) {
    depth += steps[i] as number;
    align[i] = depth;
    sum += depth;
    if (depth === 0) uncovered++;
  }
  return { align, coverage: roundHalfEven(1 - uncovered / bases, 3), depth: roundHalfEven(sum / bases) };
}

function requireLength(lengths: ReadonlyMap<string, number>, reference: string): number {
  const length = lengths.get(reference);
  if (length === undefined) throw new Error(`The length of reference sequence '${reference}' is not known`);
  if (!Number.isInteger(length) || length < 1)
    throw new Error(`Reference sequence '${reference}' has a length of ${length}`);
  return length;
}
