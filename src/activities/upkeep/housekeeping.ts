import type { HousekeepingActivities } from '../../contracts/housekeeping.js';
import type { RemoteTrouble } from '../../contracts/releases.js';
import type { RemoteServices } from '../../contracts/remote.js';
import { syncFiles } from '../../files/sync.js';
import { expireFiles } from '../../files/uploads.js';
import type { ActivityDeps, WorkflowControl } from '../deps.js';
import { sweepHmms } from '../hmms/sweep.js';
import { reconcileBlasts } from './reconcile_blasts.js';
import { reconcileJobs, type UndoByTask } from './reconcile_jobs.js';
import { reconcileProcesses } from './reconcile_processes.js';

/** Periodic work. */
export function createHousekeeping(
  deps: ActivityDeps & { workflows: WorkflowControl; remote: RemoteServices; undo: UndoByTask },
): HousekeepingActivities {
  const { store } = deps;
  const { releases } = deps.remote;
  const rounds = {
    reconcile: async () => {
      const jobs = await reconcileJobs(deps);
      const processes = await reconcileProcesses(deps);
      const blasts = await reconcileBlasts(deps);
      return [
        `jobs: ${jobs.started} started, ${jobs.closed} closed, ${jobs.cancelled} cancelled, ${jobs.released} uploads freed`,
        `processes: ${processes.started} started, ${processes.closed} closed`,
        `BLASTs: ${blasts.started} started, ${blasts.closed} closed`,
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
    sweep_hmms: async () => {
      const { removed, hidden, folders } = await sweepHmms(deps);
      return `${removed} HMMs removed, ${hidden} hidden, ${folders} folders removed`;
    },
    refresh_hmms: async () => {
      const { hmm_slug: slug } = await store.settings.get();
      const { answer } = await store.hmmStatus.refreshRelease((etag) => releases.find(slug, { etag }));
      return tell(answer);
    },
    refresh_software: async () => {
      const { software_channel: channel } = await store.settings.get();
      return tell(await store.status.refreshSoftware(channel, () => releases.listSoftware()));
    },
  };
  const tell = (answer: { ok: true } | { ok: false; trouble: RemoteTrouble }): string => {
    if (answer.ok) return 'asked';
    deps.log.warn({ trouble: answer.trouble }, 'a service outside gave no answer');
    return `not answered: ${answer.trouble.reason}`;
  };
  return { keepHouse: ({ kind }) => rounds[kind]() };
}
