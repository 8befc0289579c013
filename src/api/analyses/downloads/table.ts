import { type Decision, type DecisionThresholds, decide } from '../../../bio/decision.js';
import type { PathoscopeHit } from '../../../store/analyses.js';
import type { OtuVersionStore } from '../../../store/history/otu_versions.js';
import { isolateName } from '../../../store/otus/isolate_edits.js';
import { evidenceOf, joinHits, weightOf } from '../hits.js';
import { createTurns } from '../turns.js';

/** Value of a cell. */
export type Cell = string | number;

const COLUMNS = ['OTU', 'Isolate', 'Sequence', 'Length', 'Weight', 'Median Depth', 'Coverage'];
const DECISION_COLUMNS = ['Decision', 'Reason', 'Rule'];

/**
 * A Pathoscope result as a table: the names of the columns, then a row per sequence of the OTUs that were found, also of sequences without
 * a hit. With thresholds each row also has the decision on its OTU.
 */
export async function resultTable(
  otuVersions: Pick<OtuVersionStore, 'getBuiltOtus'>,
  hits: readonly PathoscopeHit[],
  thresholds?: DecisionThresholds,
): Promise<Cell[][]> {
  const rest = createTurns();
  const rows: Cell[][] = [[...COLUMNS, ...(thresholds ? DECISION_COLUMNS : [])]];
  for await (const otu of joinHits(otuVersions, hits)) {
    const decided = thresholds ? decisionCells(decide(evidenceOf(otu), thresholds)) : [];
    for (const { isolate, sequences } of otu.isolates) {
      for (const { sequence, hit } of sequences) {
        await rest();
        const length = sequence.sequence.length || (hit?.align?.length ?? 0);
        const found = [weightOf(hit), median(hit?.align ?? []), hit?.coverage ?? 0];
        rows.push([otu.name, isolateName(isolate), sequence.accession ?? '', length, ...found, ...decided]);
      }
    }
  }
  return rows;
}

function decisionCells({ call, reason, rule }: Decision): Cell[] {
  return [call, reason, rule];
}

/** The middle one of the values, the mean of both middle ones of an even count, 0 of none. */
export function median(values: ArrayLike<number>): number {
  const sorted = Float64Array.from(values).sort();
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? 0;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? 0)) / 2;
}
