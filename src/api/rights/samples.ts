import type { AnalysisDocument } from '../../store/analyses.js';
import type { PublicCache } from '../../store/caches.js';
import type { Store } from '../../store/index.js';
import { canChangeRights, canRead, canWrite, type RightsHolder } from '../../store/samples/sample_rights.js';
import type { SampleDocument } from '../../store/samples/samples.js';
import { badRequest, insufficientRights, notFound, Refusal } from '../http/refusals.js';
import type { Right } from '../http/right.js';

/** What somebody may do with a sample: read, write, or change the rights as its owner. */
export type SampleNeed = 'read' | 'write' | 'owner';

/** An analysis without its results, and its sample. */
export type FoundAnalysis = { analysis: Omit<AnalysisDocument, 'results'>; sample: SampleDocument };

const HOLDS = { read: canRead, write: canWrite, owner: canChangeRights } as const;

/** The sample when it exists and the caller holds the right on it, else the refusal: 404 or 403. */
export async function findSample(
  store: Store,
  sampleId: string | undefined,
  caller: RightsHolder,
  needs: SampleNeed,
): Promise<SampleDocument | Refusal> {
  const sample = await store.samples.get(sampleId ?? '');
  if (!sample) return notFound();
  if (HOLDS[needs](caller, sample)) return sample;
  return needs === 'owner' ? insufficientRights('Must be administrator or sample owner') : insufficientRights();
}

/** A right on the sample of the path. */
export function onSample(store: Store, needs: SampleNeed): Right<SampleDocument> {
  return {
    rule: { on: 'sample', needs },
    find: ({ params, caller }) => findSample(store, params.sample_id, caller, needs),
  };
}

/** A right on the analysis of the path: that on its sample. `idOf` says where the path has the id. */
export function onAnalysis(
  store: Store,
  needs: 'read' | 'write',
  { idOf = idOfPath, missing = notFound() } = {},
): Right<FoundAnalysis> {
  return {
    rule: { on: 'sample', needs },
    async find({ params, caller }) {
      const analysis = await store.analyses.getWithoutResults(idOf(params) ?? '');
      if (!analysis) return missing;
      const sample = await findSample(store, analysis.sample.id, caller, needs);
      if (!(sample instanceof Refusal)) return { analysis, sample };
      return sample.status === 404 ? badRequest('Parent sample does not exist') : sample;
    },
  };
}

/** The right to read the cache of the path: that on its sample. */
export function onCache(store: Store): Right<PublicCache> {
  return {
    rule: { on: 'sample', needs: 'read' },
    async find({ params, caller }) {
      const cache = await store.caches.get(params.cache_id ?? '');
      if (!cache) return notFound();
      const sample = await findSample(store, cache.sample.id, caller, 'read');
      return sample instanceof Refusal ? sample : cache;
    },
  };
}

/** Lists across samples: the store limits them to those that the holder may read. */
export const amongReadableSamples: Right<RightsHolder> = {
  rule: { on: 'list', of: 'samples' },
  find: async ({ caller }) => caller,
};

function idOfPath({ analysis_id }: Record<string, string>): string | undefined {
  return analysis_id;
}
