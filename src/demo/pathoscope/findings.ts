import type { AnalysisAnswer, SequenceHit } from '../client/schemas.js';
import type { Finding, Segment } from '../report.js';
import { sparkline } from './sparkline.js';

const SPARKLINE_WIDTH = 20;

/**
 * The isolates of an analysis that got reads: viruses by falling weight, and within a virus its isolates by falling
 * weight, then reads, then id.
 */
export function toFindings(analysis: AnalysisAnswer): Finding[] {
  return analysis.results
    .map((otu) =>
      otu.isolates
        .filter(({ sequences }) => sequences.some(hasReads))
        .map((isolate) => toFinding(otu, isolate))
        .sort(byRank),
    )
    .sort((a, b) => weightOf(b) - weightOf(a))
    .flat();
}

type Otu = AnalysisAnswer['results'][number];
type Isolate = Otu['isolates'][number];

function toFinding(otu: Otu, isolate: Isolate): Finding {
  const sequences = isolate.sequences.toSorted((a, b) =>
    (a.segment ?? '').localeCompare(b.segment ?? '', 'en', { numeric: true }),
  );
  const bases = sum(sequences, ({ length }) => length);
  return {
    virus: otu.name,
    abbreviation: otu.abbreviation,
    isolateId: isolate.id,
    isolate: isolateName(isolate),
    reads: sum(sequences, ({ reads }) => reads),
    weight: sum(sequences, ({ pi }) => pi),
    coverage: sum(sequences, ({ coverage, length }) => coverage * length) / bases,
    sparkline: sparkline(
      sequences.map(({ align, length }) => ({ points: align, length })),
      SPARKLINE_WIDTH,
    ),
    segments: sequences.map(toSegment),
  };
}

function toSegment({ segment, accession, length, reads, pi, coverage, depth }: SequenceHit): Segment {
  return { name: segment, accession, length, reads, weight: pi, coverage, depth };
}

function isolateName({ source_type, source_name }: Isolate): string {
  return [source_type, source_name].filter((part) => part !== '').join(' ') || 'unnamed isolate';
}

function hasReads({ reads, pi }: SequenceHit): boolean {
  return reads > 0 || pi > 0;
}

function byRank(a: Finding, b: Finding): number {
  return b.weight - a.weight || b.reads - a.reads || a.isolateId.localeCompare(b.isolateId);
}

function weightOf(findings: readonly Finding[]): number {
  return sum(findings, ({ weight }) => weight);
}

function sum<T>(items: readonly T[], value: (item: T) => number): number {
  return items.reduce((total, item) => total + value(item), 0);
}
