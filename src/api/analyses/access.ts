import type { AnalysisDocument } from '../../store/analyses.js';
import type { RightsHolder, SampleRights } from '../../store/samples/sample_rights.js';
import type { SampleDocument } from '../../store/samples/samples.js';
import type { ApiDeps } from '../deps.js';
import { badRequest, insufficientRights, notFound, Refusal } from '../http/refusals.js';

/** Whether a holder has a right on a sample. */
export type Right = (holder: RightsHolder, sample: SampleRights) => boolean;

/** The sample, when the caller has the right on it. */
export async function findSample(
  { store }: ApiDeps,
  sampleId: string | undefined,
  caller: RightsHolder,
  hasRight: Right,
): Promise<SampleDocument | Refusal> {
  const sample = await store.samples.get(sampleId ?? '');
  if (!sample) return notFound();
  return hasRight(caller, sample) ? sample : insufficientRights();
}

/** The analysis (without its results) with its sample, when the caller has the right on that. */
export async function findAnalysis(
  deps: ApiDeps,
  analysisId: string | undefined,
  caller: RightsHolder,
  hasRight: Right,
): Promise<{ analysis: Omit<AnalysisDocument, 'results'>; sample: SampleDocument } | Refusal> {
  const analysis = await deps.store.analyses.getWithoutResults(analysisId ?? '');
  if (!analysis) return notFound();
  const sample = await findParent(deps, analysis, caller, hasRight);
  return sample instanceof Refusal ? sample : { analysis, sample };
}

/** The sample of an analysis, when the caller has the right on it. */
export async function findParent(
  deps: ApiDeps,
  analysis: Pick<AnalysisDocument, 'sample'>,
  caller: RightsHolder,
  hasRight: Right,
): Promise<SampleDocument | Refusal> {
  const sample = await findSample(deps, analysis.sample.id, caller, hasRight);
  if (!(sample instanceof Refusal)) return sample;
  return sample.status === 404 ? badRequest('Parent sample does not exist') : sample;
}
