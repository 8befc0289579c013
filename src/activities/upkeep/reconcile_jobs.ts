import type { JobError } from '../../contracts/failures.js';
import { isFinal, isTask, type JobInput, jobWorkflowId, type Task } from '../../contracts/jobs.js';
import { jobStart } from '../../contracts/workflow_starts.js';
import { type JobDocument, jobState } from '../../store/jobs.js';
import type { ActivityDeps, WorkflowControl } from '../deps.js';
import type { Round } from './round.js';

const YOUNG_MS = 30_000;
const LATE_MS = 5 * 60_000;

/** Removes all that a job made, for the jobs whose workflow cannot do it any more. */
export type UndoByTask = Record<Task, (input: JobInput) => Promise<void>>;

/** What one round changed. */
export type ReconcileResult = { started: number; closed: number; cancelled: number; released: number };

/**
 * Compares unfinished jobs with Temporal: what Temporal does not know is started, what has ended there is undone and
 * closed, what should be cancelled is cancelled again; a workflow whose job has ended long ago is cancelled. Uploads that
 * a job has taken are free once it has ended. All unfinished jobs are looked at, oldest first.
 */
export async function reconcileJobs(
  deps: ActivityDeps & { workflows: WorkflowControl; undo: UndoByTask; now?: () => number },
  round: Round,
): Promise<ReconcileResult> {
  const now = (deps.now ?? Date.now)();
  const running = await deps.workflows.running();
  const result: ReconcileResult = { started: 0, closed: 0, cancelled: 0, released: 0 };
  for (const jobId of await deps.store.jobs.unfinishedIds()) {
    await round.attempt(`job ${jobId}`, async () => {
      // Read only now: a round may take minutes.
      const job = await deps.store.jobs.get(jobId);
      if (!job || isFinal(jobState(job))) return;
      const age = now - (job.status.at(0)?.timestamp.getTime() ?? 0);
      if (age >= YOUNG_MS || job.cancel_requested) await reconcileJob(deps, job, running, result);
    });
  }
  for (const workflowId of running) {
    await round.attempt(workflowId, async () => {
      if (await cancelOrphan(deps, workflowId, now)) result.cancelled += 1;
    });
  }
  await round.attempt('uploads of ended jobs', async () => {
    result.released += await releaseUploads(deps);
  });
  return result;
}

async function reconcileJob(
  deps: ActivityDeps & { workflows: WorkflowControl; undo: UndoByTask },
  job: JobDocument,
  running: Set<string>,
  result: ReconcileResult,
): Promise<void> {
  const workflowId = jobWorkflowId(job._id);
  if (!isTask(job.task)) {
    await deps.store.jobs.close(job._id, { state: 'error', error: unknownTask(job.task) });
    result.closed += 1;
    return;
  }
  const state = running.has(workflowId) ? 'running' : await deps.workflows.state(workflowId);
  if (state === 'running') {
    if (!job.cancel_requested) return;
    await deps.workflows.cancel(workflowId);
    result.cancelled += 1;
  } else if (state === 'unknown' && !job.cancel_requested) {
    await deps.workflows.start(jobStart(job));
    result.started += 1;
    deps.log.warn({ jobId: job._id, task: job.task }, 'job had no workflow: started');
  } else {
    await closeLost(deps, job, job.task);
    result.closed += 1;
  }
}

async function closeLost(deps: ActivityDeps & { undo: UndoByTask }, job: JobDocument, task: Task): Promise<void> {
  const cost = { proc: job.proc, mem: job.mem };
  await deps.undo[task]({ jobId: job._id, task, args: job.args, cost });
  const state = job.cancel_requested ? 'cancelled' : 'error';
  await deps.store.jobs.close(job._id, { state, error: state === 'error' ? workflowLost() : null });
  deps.log.warn({ jobId: job._id, task, state }, 'job whose workflow had ended: undone and closed');
}

/** Cancels the workflow of a job that has ended long ago; false when it is none. */
async function cancelOrphan(
  deps: ActivityDeps & { workflows: WorkflowControl },
  workflowId: string,
  now: number,
): Promise<boolean> {
  if (!workflowId.startsWith('job-')) return false;
  const job = await deps.store.jobs.get(workflowId.slice('job-'.length));
  const endedAt = job?.status.at(-1)?.timestamp.getTime() ?? now;
  if (!job || !isFinal(jobState(job)) || now - endedAt < LATE_MS) return false;
  await deps.workflows.cancel(workflowId);
  return true;
}

// A job is inserted together with its reservations, so one that is not there any more was removed.
async function releaseUploads({ store, log }: ActivityDeps): Promise<number> {
  const jobIds = await store.jobs.ended(await store.files.holders());
  const count = jobIds.length > 0 ? await store.files.releaseAllOf(jobIds) : 0;
  if (count > 0) log.warn({ jobIds, count }, 'uploads were still taken by jobs that had ended: free again');
  return count;
}

function unknownTask(task: string): JobError {
  return closedError('InvalidInput', `This server cannot run jobs of the kind ${task}.`, 'Remove the job.');
}

function workflowLost(): JobError {
  const text = 'The workflow of this job was ended from outside; what the job had made was removed.';
  return closedError('WorkflowLost', text, 'Start the job again.');
}

function closedError(type: string, text: string, advice: string): JobError {
  const failureClass = type === 'InvalidInput' ? 'invalid_input' : 'worker_lost';
  return { type, traceback: [], details: [text], class: failureClass, step: null, tool: null, exit_code: null, advice };
}
