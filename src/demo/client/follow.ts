import { setTimeout as delay } from 'node:timers/promises';
import * as v from 'valibot';
import { isFinal } from '../../contracts/jobs.js';
import { DemoError } from '../report.js';
import type { Client } from './http.js';
import type { Followed, LiveUpdates } from './live_updates.js';
import { FileList, JobDetail, JobList, JobState, ProcessState } from './schemas.js';

const SILENCE_MS = 2_000;
const WORK_LIMIT_MS = 10 * 60_000;
const FILE_LIMIT_MS = 30_000;
const FILE_POLL_MS = 100;

/** The signed-in session of the demo. */
export type Session = { client: Client; updates: LiveUpdates; signal: AbortSignal };

/** Told how far the work is: 0 to 1, and the step that runs. */
export type OnProgress = (fraction: number, step: string | null) => void;

/**
 * Waits until a job has ended, by its messages; asks by GET when they stay away. Resolves with the whole job.
 *
 * @throws DemoError when it did not complete, with the server's advice.
 */
export async function followJob(session: Session, id: string, onProgress: OnProgress): Promise<JobDetail> {
  await follow(session, 'jobs', id, {
    schema: JobState,
    read: async () => summarise(await readJob(session.client, id)),
    onState: ({ progress, stage }) => onProgress(progress, stage),
    isEnded: ({ state }) => isFinal(state),
  });
  const job = await readJob(session.client, id);
  const end = job.status.at(-1);
  if (end?.state === 'complete') return job;
  const why = end?.error ? [end.error.details[0] ?? end.error.type, end.error.advice ?? ''] : [];
  throw new DemoError(
    [`The job ${job.task} ended as ${end?.state} in ${end?.stage}.`, ...why, `Its log: /api/jobs/${id}/log`].join(' '),
  );
}

/**
 * Waits until a process has ended, in the same way.
 *
 * @throws DemoError with the errors that the process reports.
 */
export async function followProcess(session: Session, id: string, onProgress: OnProgress): Promise<void> {
  const state = await follow(session, 'processes', id, {
    schema: ProcessState,
    read: () => session.client.send('GET', `/api/processes/${id}`, ProcessState),
    onState: ({ progress, step }) => onProgress(progress, step),
    isEnded: ({ complete, errors }) => complete || errors.length > 0,
  });
  if (state.errors.length === 0) return;
  const messages = state.errors.map((error) => (typeof error === 'string' ? error : error.message));
  throw new DemoError(`The process failed in ${state.step}: ${messages.join('; ')}`);
}

/** The job of a task whose arguments fit; its insertion precedes the answer to the request that caused it. */
export async function findJob(client: Client, task: string, args: Record<string, unknown>): Promise<string> {
  const { documents } = await client.send('GET', `/api/jobs?per_page=100&find=${task}`, JobList);
  for (const { id } of documents.filter((job) => job.task === task)) {
    const job = await readJob(client, id);
    if (Object.entries(args).every(([name, value]) => job.args[name] === value)) return id;
  }
  throw new DemoError(`There is no job ${task} for ${Object.values(args).join(', ')}`);
}

/** Waits until an upload can be used. */
export async function waitForFile({ client, signal }: Session, type: string, id: string): Promise<void> {
  const end = Date.now() + FILE_LIMIT_MS;
  for (;;) {
    const { documents } = await client.send('GET', `/api/files?per_page=100&type=${type}`, FileList);
    if (documents.some((file) => file.id === id && file.ready)) return;
    if (Date.now() > end) throw new DemoError(`The upload ${id} did not become ready`);
    await delay(FILE_POLL_MS, undefined, { signal });
  }
}

type Work<S extends v.GenericSchema> = {
  schema: S;
  read(): Promise<v.InferOutput<S>>;
  onState(state: v.InferOutput<S>): void;
  isEnded(state: v.InferOutput<S>): boolean;
};

async function follow<S extends v.GenericSchema>(
  { updates }: Session,
  kind: Followed,
  id: string,
  work: Work<S>,
): Promise<v.InferOutput<S>> {
  const subscription = updates.follow(kind, id);
  const end = Date.now() + WORK_LIMIT_MS;
  try {
    for (;;) {
      const message = await subscription.next(SILENCE_MS);
      const state = message === undefined ? await work.read() : v.parse(work.schema, message);
      work.onState(state);
      if (work.isEnded(state)) return state;
      if (Date.now() > end) throw new DemoError(`${kind} ${id} did not end within ${WORK_LIMIT_MS / 60_000} minutes`);
    }
  } finally {
    subscription.close();
  }
}

function readJob(client: Client, id: string): Promise<JobDetail> {
  return client.send('GET', `/api/jobs/${id}`, JobDetail);
}

function summarise({ id, task, status }: JobDetail): JobState {
  const last = status.at(-1);
  return { id, task, state: last?.state ?? 'waiting', stage: last?.stage ?? null, progress: last?.progress ?? 0 };
}
