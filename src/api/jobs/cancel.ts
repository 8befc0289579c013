import { setTimeout as delay } from 'node:timers/promises';
import { isFinal, jobWorkflowId } from '../../contracts/jobs.js';
import { type JobDocument, jobState } from '../../store/jobs.js';
import type { ApiDeps } from '../deps.js';
import { conflict, notFound, type Refusal } from '../http/refusals.js';

const LOOK_EVERY_MS = 50;

/** Asks a job to stop and gives it as it is at its end, or after `limitMs`: what a running one has made is undone first. */
export async function cancelJob(
  { store, workflows }: ApiDeps,
  jobId: string,
  limitMs: number,
): Promise<JobDocument | Refusal> {
  if (!(await store.jobs.get(jobId))) return notFound();
  if (!(await store.jobs.requestCancel(jobId))) return conflict('Not cancellable');
  const deadline = performance.now() + limitMs;
  await workflows.cancel(jobWorkflowId(jobId));
  for (;;) {
    const job = await store.jobs.get(jobId);
    if (!job) return notFound();
    if (isFinal(jobState(job)) || performance.now() >= deadline) return job;
    await delay(LOOK_EVERY_MS);
  }
}
