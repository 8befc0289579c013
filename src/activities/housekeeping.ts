import type { HousekeepingActivities } from '../contracts/housekeeping.js';
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
    expire_files: async () => `${await deps.store.files.expire(new Date())} files expired`,
  };
  return { keepHouse: ({ kind }) => rounds[kind]() };
}
