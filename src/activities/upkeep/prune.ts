import { join } from 'node:path';
import { removePath } from '../../files/publish.js';
import type { ActivityDeps } from '../deps.js';
import type { Round } from './round.js';

/** Removes the trimmed reads of samples that were replaced, once no analysis works on them any more; gives how many samples' reads. */
export async function pruneReads({ store, data }: ActivityDeps, round: Round): Promise<number> {
  let pruned = 0;
  for (const sampleId of await store.replacements.unpruned()) {
    await round.attempt(`reads of sample ${sampleId}`, async () => {
      if (await store.replacements.isReading(sampleId)) return;
      for (const number of [1, 2]) await removePath(join(data.sample(sampleId), `reads_${number}.fastq`));
      await store.replacements.pruned(sampleId);
      pruned += 1;
    });
  }
  return pruned;
}

const DAY_MS = 86_400_000;
const KEPT_DAYS = 30;
const KEPT_PROCESSES = 100;

/** Removes processes that ended long ago; the last ones stay. Gives how many are gone. */
export function pruneProcesses({ store }: ActivityDeps, now = Date.now()): Promise<number> {
  return store.processes.prune(new Date(now - KEPT_DAYS * DAY_MS), KEPT_PROCESSES);
}
