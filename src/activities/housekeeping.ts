import type { HousekeepingActivities } from '../contracts/housekeeping.js';
import { syncFiles } from '../files/sync.js';
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
      const { lost, unknown, isEmpty } = await syncFiles(deps.data, deps.store.files);
      if (lost.length > 0) deps.log.warn({ fileIds: lost }, 'files were gone from the disk: documents removed');
      if (unknown.length > 0) deps.log.warn({ fileIds: unknown }, 'files on the disk had no document: removed');
      if (isEmpty) deps.log.error({ folder: deps.data.files }, 'files folder is empty: documents kept, is it mounted?');
      return [
        `${expired.length} files expired, ${unfinished.length} unfinished uploads removed`,
        `${lost.length} documents without a file and ${unknown.length} files without a document removed`,
      ].join('; ');
    },
  };
  return { keepHouse: ({ kind }) => rounds[kind]() };
}
