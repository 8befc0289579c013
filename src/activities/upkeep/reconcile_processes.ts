import { processWorkflowId } from '../../contracts/processes.js';
import { processStart } from '../../contracts/workflow_starts.js';
import type { ActivityDeps, WorkflowControl } from '../deps.js';
import { undoInstall } from '../hmms/install.js';
import { undoCopy } from '../references/otu_copying.js';

const PROCESSES_PER_ROUND = 200;
const YOUNG_MS = 30_000;
const LOST = [{ id: 'unhandled', message: 'The workflow of this process was ended from outside' }];

/**
 * Compares unfinished processes with Temporal: what Temporal does not know is started; what has ended there without a
 * result is undone and fails.
 */
export async function reconcileProcesses(
  deps: ActivityDeps & { workflows: WorkflowControl; now?: () => number },
): Promise<{ started: number; closed: number }> {
  const { store, workflows, log } = deps;
  const now = (deps.now ?? Date.now)();
  const result = { started: 0, closed: 0 };
  for (const process of await store.processes.unfinished(PROCESSES_PER_ROUND)) {
    const processId = process._id;
    if (now - process.created_at.getTime() < YOUNG_MS) continue;
    const state = await workflows.state(processWorkflowId(processId));
    if (state === 'running') continue;
    if (state === 'unknown') {
      await workflows.start(
        processStart({ _id: processId, type: process.type, userId: process.context.user_id ?? '' }),
      );
      result.started += 1;
    } else {
      if (process.type === 'delete_reference') await store.processes.fail(processId, LOST);
      else if (process.type === 'install_hmms') await undoInstall(deps, processId, LOST);
      else await undoCopy(deps, processId, LOST);
      result.closed += 1;
    }
    log.warn({ processId, state }, 'process without a workflow was repaired');
  }
  return result;
}
