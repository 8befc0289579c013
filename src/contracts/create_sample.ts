import type { JobInput, StepActivity } from './jobs.js';
import type { Pairing, PhredOffset } from './reads.js';

/** Arguments of a `create_sample` job. */
export type CreateSampleArgs = {
  sample_id: string;
  files: { id: string; name: string; size: number }[];
  srna: boolean;
  /** Null, or absent in jobs of older releases: the qualities decide. */
  phred_offset?: PhredOffset | null;
  /** Absent in jobs of older releases: by name. */
  pairing?: Pairing;
};

/** Steps of `create_sample`, on the small queue. */
export type CreateSampleSteps = {
  makeSampleDir: StepActivity;
  copySampleFiles: StepActivity;
  runSampleFastqc: StepActivity;
  parseSampleFastqc: StepActivity;
  cleanWatch: StepActivity;
};

/** What ends a `create_sample` job, on `control`. */
export type CreateSampleControl = {
  /** Job complete, quality visible and upload documents gone, in one transaction; then the uploads themselves. */
  finishCreateSample(input: JobInput): Promise<void>;
  /** Sample document and folder go, uploads are free again. */
  undoCreateSample(input: JobInput): Promise<void>;
};
