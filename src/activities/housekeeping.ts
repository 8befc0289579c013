import type { HousekeepingActivities } from '../contracts/housekeeping.js';
import { expireFiles } from '../files/uploads.js';
import type { ActivityDeps, WorkflowControl } from './deps.js';
import { reconcileJobs, type UndoByTask } from './reconcile.js';

/** Periodic work. */
export function createHousekeeping(
  deps: ActivityDeps & { workflows: WorkflowControl; undo: UndoByTask },
): HousekeepingActivities {
  const rounds = {
    reconcile: async () => {
      const { started, closed, cancelled } = await reconcileJobs(deps);
      return `${started} started, ${closed} closed, ${cancelled} cancelled`;
    },
    expire_files: async () => {
      const { expired, unfinished } = await expireFiles(deps.data, deps.store.files);
      return `${expired.length} files expired, ${unfinished.length} unfinished uploads removed`;
    },
  };
  return { keepHouse: ({ kind }) => rounds[kind]() };
}
