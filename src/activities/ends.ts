import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { ClientSession } from 'mongodb';
import { type JobInput, TASKS, type Task } from '../contracts/jobs.js';
import type { DataDirectory } from '../files/data_directory.js';
import { jobState } from '../store/jobs.js';
import type { ActivityDeps } from './deps.js';
import { jobClosed, productLost } from './errors.js';

/**
 * Makes a job complete and its product ready, both or none. `publish` takes part in the transaction and tells whether the product is
 * still there. A job that is complete already is left as it is, so the end may come twice.
 *
 * @throws ApplicationFailure that ends the job when the product or its folder is gone, or when the job has ended otherwise or is
 * being undone.
 */
export async function finishJob(
  { store, data }: ActivityDeps,
  { jobId, task }: JobInput,
  folder: string,
  publish: (session: ClientSession) => Promise<boolean>,
): Promise<void> {
  const last = TASKS[task as Task].steps.at(-1) as string;
  const isThere = await isFolderThere(data, folder);
  await store.database.transaction(async (session) => {
    if (await store.jobs.close(jobId, { state: 'complete', error: null, stage: last }, session)) {
      if (isThere && (await publish(session))) return;
      throw productLost();
    }
    const job = await store.jobs.collection.findOne({ _id: jobId }, { session, projection: { status: 1 } });
    if (!job || jobState(job) !== 'complete') throw jobClosed(jobId);
  });
}

/**
 * Removes what a job has made, unless it is complete: from the moment of the claim on it cannot become so. A job that is not there
 * any more has ended, and was undone then if it had to be.
 */
export async function undoJob(
  { store, log }: ActivityDeps,
  { jobId, task }: JobInput,
  remove: () => Promise<void>,
): Promise<void> {
  const claim = await store.jobs.claimUndo(jobId);
  if (claim === 'claimed') await remove();
  else log.info({ jobId, task, claim }, 'job has ended for good: nothing is undone');
}

/** Whether the folder is there. Without the folder above all of its kind the disk is not mounted, which is thrown. */
async function isFolderThere(data: DataDirectory, folder: string): Promise<boolean> {
  try {
    return (await stat(folder)).isDirectory();
  } catch (error) {
    if (!['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
    for (let above = folder; above !== data.root; above = dirname(above)) {
      if (dirname(above) === data.root) await stat(above);
    }
    return false;
  }
}
