import type { Database, Stored } from './database/database.js';

/** A file by its content. */
export type FileRecord = { name: string; size: number; sha256: string };

/** What an analysis worked on. */
export type InputRecord = {
  /** The reads as uploaded, and as trimmed; `cache` is null for reads that came trimmed. */
  reads: FileRecord[];
  trimmed_reads: FileRecord[];
  cache: string | null;
  /** `manifest_sha256` is that of the manifest as JSON with sorted keys, `sha256` that of the files of its bowtie2 index. */
  index: { id: string; version: number; manifest_sha256: string; sha256: string | null };
  subtraction: { id: string; sha256: string | null };
  /** The profiles that were searched for; NuVs only. */
  hmms?: { installation: string | null; sha256: string | null };
};

/** One run of a program. Paths among its arguments are relative to the data directory. */
export type RunRecord = {
  arguments: string[];
  exit_code: number | null;
  seconds: number;
  /** Sampled every half second at the longest; null when it ended before the first sample. */
  cpu_seconds: number | null;
  peak_memory_bytes: number | null;
};

/** A program that a step ran; `sha256` covers all files that do its work, also those behind a wrapper. */
export type ProgramRecord = { program: string; version: string | null; sha256: string; runs: RunRecord[] };

/** All that decides about the result of a step, and a hash of it. */
export type StepKey = {
  sha256: string;
  inputs: { name: string; sha256: string | null }[];
  programs: { program: string; version: string | null; sha256: string | null }[];
  parameters: Record<string, unknown>;
};

/** A file that a step left. One that nobody keeps is known by the key of its step; then `size` is null. */
export type OutputRecord = { name: string; size: number | null; sha256: string };

/** What an attempt at a step cost. */
export type AttemptRecord = {
  finished_at: Date;
  /** Its number among all attempts at the step, from 1. */
  attempt: number;
  /** Wall time. */
  seconds: number;
  /** CPU time of all its programs. */
  cpu_seconds: number | null;
  /** Largest sum of the peaks of the programs that ran at the same time. */
  peak_memory_bytes: number | null;
  /** CPU time of the server's own process; null when it did other steps meanwhile, as they cannot be told apart. */
  server_cpu_seconds: number | null;
};

/** How a step of an analysis came to its result, and what the attempt that succeeded cost. */
export type StepRecord = AttemptRecord & {
  /** Cores and GiB that it was granted. */
  threads: number;
  memory_gib: number;
  programs: ProgramRecord[];
  /** Attempts that failed before; not those whose worker died. */
  failed_attempts?: AttemptRecord[];
  key?: StepKey;
  outputs?: OutputRecord[];
  /** Where the result comes from, when the step did not run. */
  reused?: { analysis: string; step: string };
  /** Steps that must be reused too, as files that they would need were not kept. Internal. */
  promised?: string[];
};

/** How an analysis came to its results. */
export type Provenance = {
  server?: { name: string; version: string };
  parameters?: Record<string, unknown>;
  inputs?: InputRecord;
  /** By the name of the step. */
  steps?: Record<string, StepRecord>;
  /** The step that is under way. */
  trying?: Trying;
};

/** A step that is under way: how many attempts at it have begun, and those that have failed. */
export type Trying = { step: string; begun: number; failed: AttemptRecord[] };

type Traced = Stored & { ready: boolean; provenance?: Provenance; rerun_of?: { id: string } };

/** Reads and writes the provenance of analyses. A write for an analysis that is gone does nothing. */
export function createProvenanceStore(database: Database) {
  const analyses = database.collection<Traced>('analyses');

  return {
    /** The provenance of an analysis and the analysis that it is a rerun of; undefined when it is gone. */
    get: (analysisId: string) =>
      analyses.findOne({ _id: analysisId }, { projection: { provenance: 1, rerun_of: 1, ready: 1 } }),

    /** Forgets how the steps went, as they begin again from the first one. */
    async clearSteps(analysisId: string): Promise<void> {
      await analyses.updateOne({ _id: analysisId }, { $set: { 'provenance.steps': {} } });
    },

    /** Notes what an analysis works on. */
    async setInputs(analysisId: string, inputs: InputRecord, parameters: Record<string, unknown>): Promise<void> {
      const found = { 'provenance.inputs': inputs, 'provenance.parameters': parameters };
      await analyses.updateOne({ _id: analysisId }, { $set: found });
    },

    /** Notes that an attempt at a step begins. */
    async beginAttempt(analysisId: string, trying: Trying): Promise<void> {
      await analyses.updateOne({ _id: analysisId }, { $set: { 'provenance.trying': trying } });
    },

    /** Notes that the attempt has failed, unless another one has begun meanwhile. Waits for the database for `timeoutMS` at most. */
    async failAttempt(analysisId: string, { step, begun, failed }: Trying, timeoutMS: number): Promise<void> {
      const current = { _id: analysisId, 'provenance.trying.step': step, 'provenance.trying.begun': begun };
      await analyses.updateOne(current, { $set: { 'provenance.trying.failed': failed } }, { timeoutMS });
    },

    /** Notes how a step went; a later attempt replaces it. `step` is one of the fixed names of steps. */
    async setStep(analysisId: string, step: string, record: StepRecord, version: string): Promise<void> {
      const found = { [`provenance.steps.${step}`]: record, 'provenance.server': { name: 'virtool', version } };
      await analyses.updateOne({ _id: analysisId }, { $set: found, $unset: { 'provenance.trying': '' } });
    },
  };
}

/** Whether a change of an analysis document is one of fields alone that no list and no message shows. */
export const ONLY_UNSEEN = {
  operationType: 'update',
  $expr: {
    $allElementsTrue: {
      $map: {
        input: {
          $concatArrays: [
            { $ifNull: ['$updateDescription.removedFields', []] },
            {
              $map: {
                input: { $objectToArray: { $ifNull: ['$updateDescription.updatedFields', {}] } },
                in: '$$this.k',
              },
            },
          ],
        },
        in: {
          $or: [
            { $eq: [{ $substrCP: ['$$this', 0, 10] }, 'provenance'] },
            { $eq: [{ $substrCP: ['$$this', 0, 6] }, 'staged'] },
          ],
        },
      },
    },
  },
};
