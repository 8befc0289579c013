import { type ProcessError, type ProcessType, processWorkflowId } from '../../contracts/processes.js';
import { processStart } from '../../contracts/workflow_starts.js';
import type { UnfinishedProcess } from '../../store/processes.js';
import type { ActivityDeps, WorkflowControl } from '../deps.js';
import { undoInstall } from '../hmms/install.js';
import { undoCopy } from '../references/otu_copying.js';
import { undoRemoteInstall } from '../references/remote_install.js';
import { undoUpdate } from '../references/remote_update.js';
import type { Round } from './round.js';

/** What ends a process whose workflow has ended without a result. */
const UNDO: Record<ProcessType, (deps: ActivityDeps, processId: string, errors: ProcessError[]) => Promise<unknown>> = {
  import_reference: undoCopy,
  clone_reference: undoCopy,
  remote_reference: undoRemoteInstall,
  update_remote_reference: undoUpdate,
  delete_reference: ({ store }, processId, errors) => store.processes.fail(processId, errors),
  install_hmms: undoInstall,
};

const YOUNG_MS = 30_000;
const LOST = [{ id: 'unhandled', message: 'The workflow of this process was ended from outside' }];

/**
 * Compares unfinished processes with Temporal: what Temporal does not know is started; what has ended there without a
 * result is undone and fails. All of them are looked at, oldest first.
 */
export async function reconcileProcesses(
  deps: ActivityDeps & { workflows: WorkflowControl; now?: () => number },
  round: Round,
): Promise<{ started: number; closed: number }> {
  const now = (deps.now ?? Date.now)();
  const result = { started: 0, closed: 0 };
  for (const process of await deps.store.processes.unfinished()) {
    if (now - process.created_at.getTime() < YOUNG_MS) continue;
    await round.attempt(`process ${process._id}`, async () => {
      const repair = await reconcileProcess(deps, process);
      if (repair) result[repair] += 1;
    });
  }
  return result;
}

async function reconcileProcess(
  deps: ActivityDeps & { workflows: WorkflowControl },
  { _id: processId, type, context }: UnfinishedProcess,
): Promise<'started' | 'closed' | undefined> {
  const { workflows, log } = deps;
  const state = await workflows.state(processWorkflowId(processId));
  if (state === 'running') return undefined;
  log.warn({ processId, state }, 'process without a workflow is repaired');
  if (state === 'unknown') {
    await workflows.start(processStart({ _id: processId, type, userId: context.user_id ?? '' }));
    return 'started';
  }
  await UNDO[type](deps, processId, LOST);
  return 'closed';
}
