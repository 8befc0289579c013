import type { JobInput, StepActivity } from './jobs.js';
import type { PathoscopeArgs } from './pathoscope.js';

/** Arguments of a `nuvs` job: those of every analysis. */
export type NuvsArgs = PathoscopeArgs;

/** Steps of `nuvs`, on the large queue. Everything between them lies in the analysis' folder. */
export type NuvsSteps = {
  /** Also chooses the profiles to search with, and refuses the job when there are none. */
  makeNuvsDir: StepActivity;
  prepareReads: StepActivity;
  prepareQuality: StepActivity;
  eliminateOtus: StepActivity;
  eliminateSubtraction: StepActivity;
  reunitePairs: StepActivity;
  assembleReads: StepActivity;
  findContigOrfs: StepActivity;
  prepareProfiles: StepActivity;
  searchProfiles: StepActivity;
  collectNuvsResults: StepActivity;
};

/** What ends a `nuvs` job, on `control`: the results come with the end of the job, in one transaction. */
export type NuvsControl = { finishNuvs(input: JobInput): Promise<void> };
