import {
  type BlastActivities,
  type BlastCheck,
  type BlastSearch,
  blastError,
  blastTrouble,
} from '../contracts/blast.js';
import type { RemoteTrouble } from '../contracts/releases.js';
import type { RemoteServices } from '../contracts/remote.js';
import type { ActivityDeps } from './deps.js';
import { runProcess } from './process_support.js';

type Deps = ActivityDeps & { remote: RemoteServices };

/** What the workflow `blast` does. */
export function createBlastActivities(deps: Deps): BlastActivities {
  const { store, log } = deps;
  return {
    checkBlast: ({ waitedSeconds, ...search }) =>
      runProcess((signal) => checkOnce(deps, search, waitedSeconds, signal)),

    async failBlast({ reason, ...search }) {
      if (await store.blast.fail(search, blastError(reason))) log.warn({ ...search, reason }, 'BLAST failed');
    },
  };
}

async function checkOnce(
  deps: Deps,
  search: BlastSearch,
  waitedSeconds: number,
  signal: AbortSignal,
): Promise<BlastCheck> {
  const { blast } = deps.store;
  const service = deps.remote.blast;
  // First, so that trouble of the database does not make this ask NCBI again and again.
  if (!(await blast.isWaiting(search))) return { state: 'gone' };
  const noted = async (check: BlastCheck): Promise<BlastCheck> =>
    (await blast.noteCheck(search, waitedSeconds)) ? check : { state: 'gone' };
  const troubled = (trouble: RemoteTrouble) => {
    deps.log.warn({ ...search, trouble }, 'NCBI BLAST gave no answer');
    return noted({ state: 'trouble', reason: blastTrouble(trouble) });
  };

  const status = await service.status(search.rid, signal);
  if (!status.ok) return troubled(status.trouble);
  if (status.value === 'waiting') return noted({ state: 'waiting' });
  if (status.value !== 'ready') return { state: 'failed', reason: status.value };
  const result = await service.result(search.rid, signal);
  if (!result.ok) return troubled(result.trouble);
  return (await blast.complete(search, waitedSeconds, result.value)) ? { state: 'done' } : { state: 'gone' };
}
