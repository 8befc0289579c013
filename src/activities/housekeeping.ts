import type { HousekeepingActivities } from '../contracts/housekeeping.js';
import { expireFiles } from '../files/uploads.js';
import type { ActivityDeps, WorkflowControl } from './deps.js';
import { reconcileJobs, type UndoByTask } from './reconcile_jobs.js';
import { reconcileProcesses } from './reconcile_processes.js';

/** Periodic work. */
export function createHousekeeping(
  deps: ActivityDeps & { workflows: WorkflowControl; undo: UndoByTask },
): HousekeepingActivities {
  const rounds = {
    reconcile: async () => {
      const jobs = await reconcileJobs(deps);
      const processes = await reconcileProcesses(deps);
      return [
        `jobs: ${jobs.started} started, ${jobs.closed} closed, ${jobs.cancelled} cancelled`,
        `processes: ${processes.started} started, ${processes.closed} closed`,
      ].join('; ');
    },
    expire_files: async () => {
      const { expired, unfinished } = await expireFiles(deps.data, deps.store.files);
      return `${expired.length} files expired, ${unfinished.length} unfinished uploads removed`;
    },
  };
  return { keepHouse: ({ kind }) => rounds[kind]() };
}
