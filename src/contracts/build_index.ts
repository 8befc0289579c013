import type { JobInput, StepActivity } from './jobs.js';

/** Arguments of a `build_index` job; the manifest is read from the index document. */
export type BuildIndexArgs = { ref_id: string; user_id: string; index_id: string; index_version: number };

/** Steps of `build_index`, on the small queue. */
export type BuildIndexSteps = {
  makeIndexDir: StepActivity;
  writeIndexFasta: StepActivity;
  buildReferenceIndex: StepActivity;
  replaceOldIndex: StepActivity;
};

/** What ends a `build_index` job, on `control`. */
export type BuildIndexControl = {
  /** Index ready, OTUs marked as indexed and job complete, in one transaction. */
  finishBuildIndex(input: JobInput): Promise<void>;
  /** Files of former indexes that nothing needs any more. Best effort: a failure is logged and harmless. */
  removeOldIndexes(input: JobInput): Promise<void>;
  undoBuildIndex(input: JobInput): Promise<void>;
};
