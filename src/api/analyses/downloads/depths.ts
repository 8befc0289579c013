import { depthRuns, unpackDepths } from '../../../bio/depth_runs.js';
import type { PathoscopeHit } from '../../../store/analyses.js';
import type { Results } from '../results.js';
import { createTurns } from '../turns.js';
import { formatRow } from './csv.js';

/** Depths along one sequence: by whole reads, and by the bases that reads really cover where that is known. */
export type Depths = { whole: ArrayLike<number>; byBase: Uint32Array | undefined };

/** The depths of a sequence in the results of Pathoscope; undefined when they have none. */
export async function findDepths(results: Results, sequenceId: string): Promise<Depths | undefined> {
  for await (const result of results) {
    const { id, align, depth_by_base } = result as PathoscopeHit;
    if (id !== sequenceId) continue;
    return align && { whole: align, byBase: depth_by_base && unpackDepths(depth_by_base.align) };
  }
  return undefined;
}

/** A row per base as comma-separated values; positions are counted from 1. */
export async function formatDepths({ whole, byBase }: Depths): Promise<string> {
  const rest = createTurns();
  const rows = [formatRow(['Position', 'Depth', ...(byBase ? ['Depth By Base'] : [])])];
  for (let base = 0; base < whole.length; base++) {
    await rest();
    rows.push(formatRow([base + 1, whole[base] ?? 0, ...(byBase ? [byBase[base] ?? 0] : [])]));
  }
  return rows.join('');
}

/** A bedGraph track: a line per stretch of one depth, 0-based, the end behind the last base. */
export function formatBedGraph(sequenceId: string, depths: ArrayLike<number>): string {
  // A blank would end the name of the chromosome, a quote that of the track.
  const name = sequenceId.replace(/[\s"\p{Cc}]/gu, '_');
  const lines = [`track type=bedGraph name="${name}" description="Depth along ${name}"\n`];
  for (const { start, end, depth } of depthRuns(depths)) lines.push(`${name}\t${start}\t${end}\t${depth}\n`);
  return lines.join('');
}
