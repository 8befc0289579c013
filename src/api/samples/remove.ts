import { setTimeout as delay } from 'node:timers/promises';
import { blastWorkflowId } from '../../contracts/blast.js';
import { jobWorkflowId } from '../../contracts/jobs.js';
import { removePath } from '../../files/publish.js';
import type { Logger } from '../../log.js';
import type { ApiDeps } from '../deps.js';

const LOOK_EVERY_MS = 50;

/**
 * Removes a sample with its analyses, caches, files and the uploads that were to replace them. Its jobs are cancelled first and given `limitMs` to end, so that
 * they write nothing into folders that are gone; a job that takes longer finds no sample and cleans up after itself.
 */
export async function removeSample(deps: ApiDeps, sampleId: string, limitMs: number, log: Logger): Promise<void> {
  const { store, workflows, files: data } = deps;
  const left = await endJobs(deps, sampleId, limitMs);
  if (left.length > 0) log.warn({ sampleId, jobIds: left }, 'sample is removed although jobs of it have not ended yet');
  const blasts = await store.blast.waitingOfSample(sampleId);
  const { cacheIds, uploadIds } = await store.samples.remove(sampleId);
  // Without an analysis they would end by themselves, at the latest some minutes later.
  for (const search of blasts) await workflows.cancel(blastWorkflowId(search));
  for (const cacheId of cacheIds) await removePath(data.cache(cacheId));
  for (const uploadId of uploadIds) await removePath(data.file(uploadId));
  await removePath(data.sample(sampleId));
}

async function endJobs({ store, workflows }: ApiDeps, sampleId: string, limitMs: number): Promise<string[]> {
  const deadline = performance.now() + limitMs;
  const asked = new Set<string>();
  for (;;) {
    const unfinished = await store.samples.unfinishedJobs(sampleId);
    for (const jobId of unfinished.filter((id) => !asked.has(id))) {
      asked.add(jobId);
      if (await store.jobs.requestCancel(jobId)) await workflows.cancel(jobWorkflowId(jobId));
    }
    if (unfinished.length === 0 || performance.now() > deadline) return unfinished;
    await delay(LOOK_EVERY_MS);
  }
}
