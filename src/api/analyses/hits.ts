import { type Evidence, gatherEvidence } from '../../bio/decision.js';
import type { PathoscopeHit } from '../../store/analyses.js';
import { type OtuAtVersion, type OtuVersionStore, versionKey } from '../../store/history/otu_versions.js';
import type { Isolate, JoinedOtu } from '../../store/otus/otus.js';
import type { SequenceDocument } from '../../store/otus/sequences.js';
import { createTurns } from './turns.js';

/** A sequence with what Pathoscope found of it; no hit when it found nothing. */
export type HitSequence = { sequence: SequenceDocument; hit: PathoscopeHit | undefined };

/** An OTU of a Pathoscope result, with all its isolates as they were in the index. */
export type HitOtu = {
  id: string;
  version: number;
  name: string;
  abbreviation: string;
  /** Bases of its longest sequence. */
  length: number;
  isolates: { isolate: Isolate; sequences: HitSequence[] }[];
  /** The OTU cannot be rebuilt: nothing but its hits is known. */
  isMissing: boolean;
};

const OTUS_AT_ONCE = 25;

/**
 * The OTUs that hits name, each at its version, in the order of their first hits. Other requests get their turn in between.
 */
export async function* joinHits(
  otuVersions: Pick<OtuVersionStore, 'getBuiltOtus'>,
  hits: readonly PathoscopeHit[],
): AsyncGenerator<HitOtu> {
  const groups = groupByOtu(hits);
  const rest = createTurns();
  for (let start = 0; start < groups.length; start += OTUS_AT_ONCE) {
    const part = groups.slice(start, start + OTUS_AT_ONCE);
    const otus = await otuVersions.getBuiltOtus(part.map(({ pair }) => pair));
    for (const { pair, hits: own } of part) {
      await rest();
      const otu = otus.get(versionKey(pair));
      yield otu ? joinOtu(otu, own) : unknownOtu(pair, own);
    }
  }
}

/** The weight of a hit; old releases kept it in the hit itself. */
export function weightOf(hit: (PathoscopeHit & { pi?: number }) | undefined): number {
  return hit?.final?.pi ?? hit?.pi ?? 0;
}

/** What was found of an OTU in all. */
export function evidenceOf({ isolates }: HitOtu): Evidence {
  return gatherEvidence(
    isolates.map(({ sequences }) =>
      sequences.map(({ sequence, hit }) => ({
        length: sequence.sequence.length || (hit?.align?.length ?? 0),
        coverage: hit?.coverage ?? 0,
        weight: weightOf(hit),
      })),
    ),
  );
}

type Group = { pair: OtuAtVersion; hits: PathoscopeHit[] };

function groupByOtu(hits: readonly PathoscopeHit[]): Group[] {
  const groups = new Map<string, Group>();
  for (const hit of hits) {
    const pair = { id: hit.otu.id, version: hit.otu.version };
    const group = groups.get(versionKey(pair));
    if (group) group.hits.push(hit);
    else groups.set(versionKey(pair), { pair, hits: [hit] });
  }
  return [...groups.values()];
}

function joinOtu(otu: JoinedOtu, hits: readonly PathoscopeHit[]): HitOtu {
  const byId = new Map(hits.map((hit) => [hit.id, hit]));
  const lengths = otu.isolates.flatMap(({ sequences }) => sequences.map(({ sequence }) => sequence.length));
  return {
    id: otu._id,
    version: otu.version,
    name: otu.name,
    abbreviation: otu.abbreviation,
    length: Math.max(0, ...lengths),
    isolates: otu.isolates.map(({ sequences, ...isolate }) => ({
      isolate,
      sequences: sequences.map((sequence) => ({ sequence, hit: byId.get(sequence._id) })),
    })),
    isMissing: false,
  };
}

// Without its history an OTU has no name and no isolates, but the reads that were found are still worth showing.
function unknownOtu({ id, version }: OtuAtVersion, hits: readonly PathoscopeHit[]): HitOtu {
  const isolate = { id: 'unknown', default: true, source_type: 'unknown', source_name: 'unknown' };
  const sequences = hits.map((hit) => ({
    sequence: {
      _id: hit.id,
      otu_id: id,
      isolate_id: isolate.id,
      accession: '',
      definition: '',
      host: '',
      sequence: '',
      segment: null,
    },
    hit,
  }));
  const length = Math.max(0, ...hits.map((hit) => hit.align?.length ?? 0));
  const name = 'Unknown OTU';
  return { id, version, name, abbreviation: '', length, isolates: [{ isolate, sequences }], isMissing: true };
}
