import type { PathoscopeHit } from '../../store/analyses.js';
import type { OtuVersionStore } from '../../store/history/otu_versions.js';
import type { Isolate } from '../../store/otus/otus.js';
import { createTurns, joinHits } from './hits.js';

type Cell = string | number;

const HEADER = ['OTU', 'Isolate', 'Sequence', 'Length', 'Weight', 'Median Depth', 'Coverage'];

/** A Pathoscope result as comma-separated values: a row per sequence, texts in quotes, lines that end with CRLF. */
export async function formatCsv(
  otuVersions: Pick<OtuVersionStore, 'getBuiltOtus'>,
  hits: readonly PathoscopeHit[],
): Promise<string> {
  const rest = createTurns();
  const lines = [formatRow(HEADER)];
  for await (const otu of joinHits(otuVersions, hits)) {
    for (const { isolate, sequences } of otu.isolates) {
      for (const { sequence, hit } of sequences) {
        await rest();
        const length = sequence.sequence.length || (hit?.align?.length ?? 0);
        const found = [weightOf(hit), median(hit?.align ?? []), hit?.coverage ?? 0];
        const row = [otu.name, isolateName(isolate), sequence.accession ?? '', length, ...found];
        lines.push(formatRow(row));
      }
    }
  }
  return lines.join('');
}

// Old releases kept the weight in the hit itself.
function weightOf(hit: (PathoscopeHit & { pi?: number }) | undefined): number {
  return hit?.final?.pi ?? hit?.pi ?? 0;
}

/** A line of comma-separated values with its end: texts in quotes, numbers bare. */
export function formatRow(cells: readonly Cell[]): string {
  return `${cells.map(formatCell).join(',')}\r\n`;
}

function formatCell(value: Cell): string {
  return typeof value === 'number' ? String(value) : `"${value.replaceAll('"', '""')}"`;
}

/** Name of an isolate in texts: source type with a capital letter, blank, source name. */
export function isolateName({ source_type: type, source_name: name }: Isolate): string {
  if (!type || !name) return 'Unnamed Isolate';
  return `${type.charAt(0).toUpperCase()}${type.slice(1).toLowerCase()} ${name}`;
}

/** The middle one of the values, the mean of both middle ones of an even count, 0 of none. */
export function median(values: readonly number[]): number {
  const sorted = Float64Array.from(values).sort();
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? 0;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? 0)) / 2;
}
