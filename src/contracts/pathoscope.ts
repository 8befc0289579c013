import type { JobInput, StepActivity } from './jobs.js';

/** Arguments of a `pathoscope_bowtie` job. */
export type PathoscopeArgs = {
  analysis_id: string;
  ref_id: string;
  sample_id: string;
  sample_name: string;
  index_id: string;
};

/** Steps of `pathoscope_bowtie`, on the large queue. Everything between them lies in the analysis' folder. */
export type PathoscopeSteps = {
  makeAnalysisDir: StepActivity;
  prepareReads: StepActivity;
  prepareQuality: StepActivity;
  mapDefaultIsolates: StepActivity;
  generateIsolateFasta: StepActivity;
  buildIsolateIndex: StepActivity;
  mapIsolates: StepActivity;
  mapSubtraction: StepActivity;
  subtractMapping: StepActivity;
  reassignReads: StepActivity;
  importPathoscopeResults: StepActivity;
  cleanupIndexes: StepActivity;
};

/** What ends an analysis job, on `control`. */
export type AnalysisControl = {
  /** Job complete and results visible, in one transaction. */
  finishPathoscope(input: JobInput): Promise<void>;
  /** Document and folder go, an unfinished cache too. */
  undoAnalysis(input: JobInput): Promise<void>;
};
