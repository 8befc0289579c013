import type { JobInput, StepActivity } from './jobs.js';
import type { Pairing, PhredOffset } from './reads.js';

/** Arguments of an `update_sample` job, which replaces the trimmed reads of a sample from before release 3.4 by raw ones. */
export type UpdateSampleArgs = {
  sample_id: string;
  /** The uploads that become the reads; absent in jobs of release 3.7.3, which cannot be taken over. */
  files?: { id: string; name: string; size: number; uploaded_at: Date | string }[];
  srna?: boolean;
  /** Null: the qualities decide. */
  phred_offset?: PhredOffset | null;
  pairing?: Pairing;
};

/** Steps of `update_sample`, on the small queue. */
export type UpdateSampleSteps = {
  copyReplacements: StepActivity;
  runReplacementFastqc: StepActivity;
  parseReplacementFastqc: StepActivity;
  createLegacyCache: StepActivity;
  replaceOldReads: StepActivity;
};

/** What ends an `update_sample` job, on `control`. */
export type UpdateSampleControl = {
  /** Job complete, new files and quality visible, cache of the old reads ready, uploads gone, in one transaction. */
  finishUpdateSample(input: JobInput): Promise<void>;
  /** What the job has made goes; files, quality and uploads stay as they were before it. */
  undoUpdateSample(input: JobInput): Promise<void>;
};
