import type { AnalysisDocument } from '../../src/store/analyses.js';
import type { Store } from '../../src/store/index.js';

/** A finished NuVs analysis of the sample `s1`, inserted as it is. */
export async function insertNuvsAnalysis(
  store: Store,
  changes: Partial<AnalysisDocument> & { results: unknown[] | 'file' },
): Promise<void> {
  await store.analyses.collection.insertOne({
    ...{ _id: 'a1', ready: true, created_at: new Date(0), algorithm: 'nuvs' as const, sample: { id: 's1' } },
    ...{ reference: { id: 'r1', name: 'R' }, index: { id: 'i1', version: 0 }, user: { id: 'bob' }, job: { id: 'j1' } },
    ...changes,
  });
}

/** Contigs without open reading frames. */
export function bareContigs(...sequences: string[]) {
  return sequences.map((sequence, index) => ({ index, sequence, orfs: [] }));
}
