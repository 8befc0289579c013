import { createHash } from 'node:crypto';
import { BLAST_PACE, type BlastInput, type BlastSearch, blastWorkflowId } from './blast.js';
import { HOUSEKEEPING, type HousekeepingKind } from './housekeeping.js';
import { type Cost, jobWorkflowId, QUEUES, TASKS, type Task } from './jobs.js';
import { type ProcessType, processWorkflowId } from './processes.js';

/** Search attributes of job workflows, so that an operator can filter the Temporal UI's list. All are keywords. */
export const SEARCH_ATTRIBUTES = ['JobUser', 'JobTask', 'SampleId', 'ReferenceId'] as const;
export type SearchAttribute = (typeof SEARCH_ATTRIBUTES)[number];

/** What is needed of a job document to start its workflow. */
export type StartableJob = {
  _id: string;
  task: string;
  args: Record<string, unknown>;
  proc: number;
  mem: number;
  user: { id: string };
};

/** What to hand to `client.workflow.start`, without the SDK's own types. */
export type WorkflowStart = {
  workflowType: string;
  workflowId: string;
  taskQueue: string;
  args: unknown[];
  attributes: Partial<Record<SearchAttribute, string>>;
  summary: string;
  details: string;
  fairnessKey: string;
};

/** Start of a job's workflow. The same job always gives the same start, so that the reconciler can repeat it. */
export function jobStart(job: StartableJob): WorkflowStart {
  const cost: Cost = { proc: job.proc, mem: job.mem };
  const sample = job.args.sample_id;
  const reference = job.args.ref_id;
  const subject = [job.args.sample_name, sample, job.args.subtraction_id, reference].find((x) => typeof x === 'string');
  const title = TASKS[job.task as Task]?.title ?? job.task;
  return {
    workflowType: job.task,
    workflowId: jobWorkflowId(job._id),
    taskQueue: QUEUES.control,
    args: [{ jobId: job._id, task: job.task, args: smallArgs(job.args), cost }],
    attributes: {
      JobUser: keyOf(job.user.id, ATTRIBUTE_BYTES),
      JobTask: job.task,
      ...(typeof sample === 'string' ? { SampleId: keyOf(sample, ATTRIBUTE_BYTES) } : {}),
      ...(typeof reference === 'string' ? { ReferenceId: keyOf(reference, ATTRIBUTE_BYTES) } : {}),
    },
    summary: summaryOf(`${title}: ${String(subject ?? job._id)}`),
    details: `Job \`${job._id}\` of user \`${keyOf(job.user.id, ATTRIBUTE_BYTES)}\`, ${cost.proc} cores, ${cost.mem} GiB`,
    fairnessKey: keyOf(job.user.id, FAIRNESS_KEY_BYTES),
  };
}

/** Start of a process workflow. */
export function processStart(process: { _id: string; type: ProcessType; userId: string }): WorkflowStart {
  return {
    workflowType: process.type,
    workflowId: processWorkflowId(process._id),
    taskQueue: QUEUES.control,
    args: [{ processId: process._id }],
    attributes: { JobUser: keyOf(process.userId, ATTRIBUTE_BYTES), JobTask: process.type },
    summary: `${process.type} ${process._id}`,
    details: `Process \`${process._id}\` of user \`${keyOf(process.userId, ATTRIBUTE_BYTES)}\``,
    fairnessKey: keyOf(process.userId, FAIRNESS_KEY_BYTES),
  };
}

/** Start of the workflow that waits for a BLAST. */
export function blastStart(search: BlastSearch, sampleId: string, pace = BLAST_PACE): WorkflowStart {
  const { analysisId, index, rid, ticket } = search;
  return {
    workflowType: 'blast',
    workflowId: blastWorkflowId(search),
    taskQueue: QUEUES.control,
    args: [{ analysisId, index, rid, ...(ticket === undefined ? {} : { ticket }), pace } satisfies BlastInput],
    attributes: { JobTask: 'blast', SampleId: sampleId },
    summary: `BLAST of contig ${index} of ${analysisId}`,
    details: rid === null ? 'To be handed in at NCBI' : `Request id \`${rid}\` at NCBI`,
    fairnessKey: 'blast',
  };
}

/** Start of one round of periodic work at once, beside its schedule; `reason` tells the rounds apart. */
export function housekeepingStart(kind: HousekeepingKind, reason: string): WorkflowStart {
  return {
    workflowType: 'housekeeping',
    workflowId: `virtool-${kind}-${reason}`,
    taskQueue: QUEUES.control,
    args: [kind, reason],
    attributes: {},
    summary: HOUSEKEEPING[kind].title,
    details: '',
    fairnessKey: kind,
  };
}

// The manifest of a large reference does not belong into a workflow's history; the steps read it from the index document.
function smallArgs({ manifest: _, ...args }: Record<string, unknown>): Record<string, unknown> {
  return args;
}

// Temporal refuses a workflow whose texts have more bytes; of a summary it counts the JSON.
const FAIRNESS_KEY_BYTES = 64;
const ATTRIBUTE_BYTES = 255;
const SUMMARY_JSON_BYTES = 380;

/** A name as a key of at most so many bytes. Those that are cut end in a hash of the whole, so that two names stay two keys. */
function keyOf(name: string, limit: number): string {
  const text = wellFormed(name);
  if (Buffer.byteLength(text) <= limit) return text;
  const mark = `~${createHash('sha256').update(text).digest('hex').slice(0, 12)}`;
  return `${cut(text, limit - mark.length, Buffer.byteLength)}${mark}`;
}

function summaryOf(text: string): string {
  return cut(wellFormed(text), SUMMARY_JSON_BYTES, (part) => Buffer.byteLength(JSON.stringify(part)) - 2);
}

/** As much of the beginning as `limit` allows, in whole characters. */
function cut(text: string, limit: number, sizeOf: (character: string) => number): string {
  let size = 0;
  let kept = '';
  for (const { segment } of new Intl.Segmenter().segment(text)) {
    size += sizeOf(segment);
    if (size > limit) break;
    kept += segment;
  }
  return kept;
}

// Half a surrogate pair cannot be sent.
function wellFormed(text: string): string {
  return Buffer.from(text).toString();
}
