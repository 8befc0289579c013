import { depthCurve } from '../../bio/curve.js';
import type { AnalysisDocument, PathoscopeHit } from '../../store/analyses.js';
import type { Store } from '../../store/index.js';

import { createTurns, type HitOtu, type HitSequence, joinHits } from './hits.js';
import { hmmIdsOf, type NuvsContig } from './nuvs_files.js';

type WireDocument = Record<string, unknown>;

/** The results of a finished analysis as clients read them; see the two formats below. */
export function formatResults(
  store: Store,
  { algorithm }: Pick<AnalysisDocument, 'algorithm'>,
  results: unknown[],
): Promise<WireDocument[]> {
  return algorithm === 'nuvs'
    ? formatNuvs(store, results as NuvsContig[])
    : formatPathoscope(store, results as PathoscopeHit[]);
}

/** One entry per OTU with all its isolates and sequences; those without a hit have zeros. */
async function formatPathoscope(store: Store, hits: readonly PathoscopeHit[]): Promise<WireDocument[]> {
  const rest = createTurns();
  const formatted: WireDocument[] = [];
  for await (const otu of joinHits(store.otuVersions, hits)) {
    const isolates: WireDocument[] = [];
    for (const { isolate, sequences } of otu.isolates) {
      const shown: WireDocument[] = [];
      for (const sequence of sequences) {
        await rest();
        shown.push(formatSequence(sequence));
      }
      isolates.push({ ...isolate, sequences: shown });
    }
    formatted.push(formatOtu(otu, isolates));
  }
  return formatted;
}

function formatOtu({ id, name, version, abbreviation, length, isMissing }: HitOtu, isolates: WireDocument[]) {
  return { id, name, version, abbreviation, isolates, length, ...(isMissing ? { missing: true } : {}) };
}

function formatSequence({ sequence: { _id, sequence, ...document }, hit }: HitSequence): WireDocument {
  if (!hit) return { ...document, id: _id, pi: 0, reads: 0, coverage: 0, best: 0, length: sequence.length };
  const { otu_id: _otu, isolate_id: _isolate, ...rest } = document;
  const { otu: __, final, initial: ___, align, ...found } = hit;
  return {
    ...rest,
    ...found,
    ...final,
    // Of a sequence whose OTU is gone, the depths tell the length.
    length: sequence.length || (align?.length ?? 0),
    ...(align ? { align: depthCurve(align) } : {}),
  };
}

/** Contigs as stored; each hit gains what is known of its HMM, also when that is hidden. */
async function formatNuvs(store: Store, contigs: readonly NuvsContig[]): Promise<WireDocument[]> {
  const annotations = await store.analyses.hmmAnnotations(hmmIdsOf(contigs));
  return contigs.map((contig) => ({
    ...contig,
    orfs: contig.orfs.map((orf) => ({
      ...orf,
      hits: orf.hits.map((hit) => ({ ...hit, ...annotations.get(hit.hit) })),
    })),
  }));
}
