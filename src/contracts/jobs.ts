import * as v from 'valibot';
import type { JobError } from './failures.js';

/** States of a job; the last three are final and never left. */
export const JOB_STATES = ['waiting', 'running', 'complete', 'error', 'cancelled'] as const;
export type JobState = (typeof JOB_STATES)[number];

/** The states that are never left. */
export const FINAL_STATES = ['complete', 'error', 'cancelled'] as const;

/** Whether a job in this state has ended for good. */
export function isFinal(state: JobState): boolean {
  return (FINAL_STATES as readonly string[]).includes(state);
}

/** Task queues: `control` runs workflows and short database activities, the other two run the tools of jobs. */
export const QUEUES = { control: 'control', large: 'large', small: 'small' } as const;
export type SizeClass = 'large' | 'small';

/** What a job may use of the host: processor cores and memory in GiB. */
export type Cost = { proc: number; mem: number };

/** Task, size class and steps of every job, in order. The step names are part of the wire contract. */
export const TASKS = {
  create_sample: {
    size: 'small',
    title: 'Create sample',
    steps: ['make_sample_dir', 'copy_files', 'fastqc', 'parse_fastqc', 'clean_watch'],
  },
  update_sample: {
    size: 'small',
    title: 'Replace reads',
    steps: ['copy_files', 'fastqc', 'parse_fastqc', 'create_cache', 'replace_old'],
  },
  create_subtraction: {
    size: 'small',
    title: 'Create subtraction',
    steps: ['make_subtraction_dir', 'unpack', 'set_stats', 'bowtie_build', 'compress'],
  },
  build_index: {
    size: 'small',
    title: 'Build index',
    steps: ['mk_index_dir', 'write_fasta', 'bowtie_build', 'replace_old'],
  },
  pathoscope_bowtie: {
    size: 'large',
    title: 'Pathoscope',
    steps: [
      'make_analysis_dir',
      'prepare_reads',
      'prepare_qc',
      'map_default_isolates',
      'generate_isolate_fasta',
      'build_isolate_index',
      'map_isolates',
      'map_subtraction',
      'subtract_mapping',
      'pathoscope',
      'import_results',
      'cleanup_indexes',
    ],
  },
  nuvs: {
    size: 'large',
    title: 'NuVs',
    steps: [
      'make_analysis_dir',
      'prepare_reads',
      'prepare_qc',
      'eliminate_otus',
      'eliminate_subtraction',
      'reunite_pairs',
      'assemble',
      'process_fasta',
      'prepare_hmm',
      'vfam',
      'import_results',
    ],
  },
} as const satisfies Record<string, { size: SizeClass; title: string; steps: readonly string[] }>;

/** Name of a job's task, which is also its workflow type. */
export type Task = keyof typeof TASKS;

/** Whether a text names a task that this server runs. */
export function isTask(text: string): text is Task {
  return Object.hasOwn(TASKS, text);
}

/** Progress shown while step `index` (from 0) of `count` has done `fraction` (0 to 1) of its work. */
export function stepProgress(index: number, count: number, fraction = 0): number {
  return Math.round(((index + 1 + fraction) / (count + 1)) * 100) / 100;
}

/** One entry of a job's append-only status list. */
export type JobStatus = {
  state: JobState;
  stage: string | null;
  error: JobError | null;
  progress: number;
  timestamp: Date;
};

/** Input of every job workflow; all of it comes from the job document, so that a lost workflow can be started again. */
export const JobInput = v.object({
  jobId: v.string(),
  task: v.string(),
  args: v.record(v.string(), v.unknown()),
  cost: v.object({ proc: v.number(), mem: v.number() }),
});
export type JobInput = v.InferOutput<typeof JobInput>;

/** Input of every step activity. `granted` is filled in by the gate when the step is admitted. */
export type StepInput = JobInput & {
  stage: string;
  progress: number;
  /** Part of the job's progress that this step is worth. */
  share: number;
  /** True for the job's last step on this host: its budget is free again at once. */
  last: boolean;
  granted?: Cost;
};

/** A step. What the next one needs lies on disk or in documents, so nothing travels. */
export type StepActivity = (input: StepInput) => Promise<void>;

/** Steps of a job that follow each other in one activity: for a small job the way to an activity takes longer than most steps. */
export type StepsInput = JobInput & {
  steps: (Pick<StepInput, 'stage' | 'progress' | 'share' | 'last'> & { activity: string })[];
  last: boolean;
  granted?: Cost;
};

/** The activity of several steps. */
export type StepsActivities = {
  /** Does the steps one after the other, from the one on that the job's status names last. */
  runSteps(input: StepsInput): Promise<void>;
};

/** A step as the workflow sees it: the worker answers with the queue of its host, where the job's next steps run. */
export type AdmittedStep = (input: StepInput | StepsInput) => Promise<string>;

/** Bookkeeping of all jobs, run on `control`. */
export type JobActivities = {
  /** Appends `complete`; does nothing when the job has ended already. */
  completeJob(input: { jobId: string; stage: string }): Promise<void>;
  /** Appends `error` or `cancelled`; the last thing that happens to a job. */
  closeJob(input: { jobId: string; state: 'error' | 'cancelled'; error: JobError | null }): Promise<void>;
};

/** Workflow id of a job. Starting twice finds the first run. */
export function jobWorkflowId(jobId: string): string {
  return `job-${jobId}`;
}
