import { blastError, blastWorkflowId } from '../../contracts/blast.js';
import { blastStart } from '../../contracts/workflow_starts.js';
import type { WaitingBlast } from '../../store/blast.js';
import type { ActivityDeps, WorkflowControl } from '../deps.js';
import type { Round } from './round.js';

const YOUNG_MS = 30_000;

/**
 * Compares BLASTs that have not ended with Temporal: what Temporal does not know is started, so that it is asked for again; what has
 * ended there without a result has failed. All of them are looked at.
 */
export async function reconcileBlasts(
  deps: ActivityDeps & { workflows: WorkflowControl; now?: () => number },
  round: Round,
): Promise<{ started: number; closed: number }> {
  const now = (deps.now ?? Date.now)();
  const result = { started: 0, closed: 0 };
  for (const search of await deps.store.blast.waiting()) {
    if (now - search.lastCheckedAt.getTime() < YOUNG_MS) continue;
    await round.attempt(`BLAST ${blastWorkflowId(search)}`, async () => {
      const repair = await reconcileBlast(deps, search);
      if (repair) result[repair] += 1;
    });
  }
  return result;
}

async function reconcileBlast(
  { store, workflows, log }: ActivityDeps & { workflows: WorkflowControl },
  { sampleId, lastCheckedAt: _, ...search }: WaitingBlast,
): Promise<'started' | 'closed' | undefined> {
  const state = await workflows.state(blastWorkflowId(search));
  if (state === 'running') return undefined;
  log.warn({ ...search, state }, 'BLAST without a workflow is repaired');
  if (state === 'unknown') {
    await workflows.start(blastStart(search, sampleId));
    return 'started';
  }
  return (await store.blast.fail(search, blastError('stopped'))) ? 'closed' : undefined;
}
