import { blastError, blastWorkflowId } from '../../contracts/blast.js';
import { blastStart } from '../../contracts/workflow_starts.js';
import type { ActivityDeps, WorkflowControl } from '../deps.js';

const ANALYSES_PER_ROUND = 200;
const YOUNG_MS = 30_000;

/**
 * Compares BLASTs that have not ended with Temporal: what Temporal does not know is started, so that it is asked for again; what has
 * ended there without a result has failed.
 */
export async function reconcileBlasts(
  deps: ActivityDeps & { workflows: WorkflowControl; now?: () => number },
): Promise<{ started: number; closed: number }> {
  const { store, workflows, log } = deps;
  const now = (deps.now ?? Date.now)();
  const result = { started: 0, closed: 0 };
  for (const { sampleId, lastCheckedAt, ...search } of await store.blast.waiting(ANALYSES_PER_ROUND)) {
    if (now - lastCheckedAt.getTime() < YOUNG_MS) continue;
    const state = await workflows.state(blastWorkflowId(search));
    if (state === 'running') continue;
    if (state === 'unknown') {
      await workflows.start(blastStart(search, sampleId));
      result.started += 1;
    } else if (await store.blast.fail(search, blastError('stopped'))) {
      result.closed += 1;
    }
    log.warn({ ...search, state }, 'BLAST without a workflow was repaired');
  }
  return result;
}
