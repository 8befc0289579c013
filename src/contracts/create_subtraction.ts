import type { JobInput, StepActivity } from './jobs.js';

/** Arguments of a `create_subtraction` job. */
export type CreateSubtractionArgs = { subtraction_id: string; file_id: string };

/** Steps of `create_subtraction`, on the small queue. */
export type CreateSubtractionSteps = {
  makeSubtractionDir: StepActivity;
  unpackSubtraction: StepActivity;
  setSubtractionStats: StepActivity;
  buildSubtractionIndex: StepActivity;
  compressSubtraction: StepActivity;
};

/** What ends a `create_subtraction` job, on `control`. */
export type CreateSubtractionControl = {
  /** Subtraction ready and job complete, in one transaction. */
  finishCreateSubtraction(input: JobInput): Promise<void>;
  undoCreateSubtraction(input: JobInput): Promise<void>;
};
