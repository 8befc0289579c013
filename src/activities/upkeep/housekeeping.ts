import { Context } from '@temporalio/activity';
import type { HousekeepingActivities, HousekeepingKind } from '../../contracts/housekeeping.js';
import type { RemoteTrouble } from '../../contracts/releases.js';
import type { RemoteServices } from '../../contracts/remote.js';
import { syncFiles } from '../../files/sync.js';
import { expireFiles } from '../../files/uploads.js';
import type { ActivityDeps, WorkflowControl } from '../deps.js';
import { sweepHmms } from '../hmms/sweep.js';
import { pruneProcesses, pruneReads } from './prune.js';
import { reconcileBlasts } from './reconcile_blasts.js';
import { reconcileJobs, type UndoByTask } from './reconcile_jobs.js';
import { reconcileProcesses } from './reconcile_processes.js';
import { refreshReferences } from './refresh_references.js';
import { beginRound } from './round.js';

/** Periodic work. Each round ends when it is cancelled, between two things that it looks at. */
export function createHousekeeping(
  deps: ActivityDeps & { workflows: WorkflowControl; remote: RemoteServices; undo: UndoByTask },
): HousekeepingActivities {
  const { store } = deps;
  const { releases } = deps.remote;
  const rounds: Record<HousekeepingKind, (signal: AbortSignal) => Promise<string>> = {
    reconcile: (signal) => reconcile(deps, signal),
    expire_files: async (signal) => {
      const { expired, unfinished } = await expireFiles(deps.data, deps.store.files);
      signal.throwIfAborted();
      const { lost, unknown, isEmpty } = await syncFiles(deps.data, deps.store.files);
      if (lost.length > 0) deps.log.warn({ fileIds: lost }, 'files were gone from the disk: documents removed');
      if (unknown.length > 0) deps.log.warn({ fileIds: unknown }, 'files on the disk had no document: removed');
      if (isEmpty) deps.log.error({ folder: deps.data.files }, 'files folder is empty: documents kept, is it mounted?');
      return [
        `${expired.length} files expired, ${unfinished.length} unfinished uploads removed`,
        `${lost.length} documents without a file and ${unknown.length} files without a document removed`,
      ].join('; ');
    },
    prune: async (signal) => {
      const round = beginRound(deps.log, signal);
      const told = [`replaced reads of ${await pruneReads(deps, round)} samples removed`];
      await round.attempt('processes', async () => {
        told.push(`${await pruneProcesses(deps)} processes removed`);
      });
      return [...told, round.failures()].filter(Boolean).join('; ');
    },
    sweep_hmms: async (signal) => {
      const { removed, hidden, folders } = await sweepHmms(deps, signal);
      return `${removed} HMMs removed, ${hidden} hidden, ${folders} folders removed`;
    },
    refresh_hmms: async (signal) => {
      const { hmm_slug: slug } = await store.settings.get();
      const { answer } = await store.hmmStatus.refreshRelease((etag) => releases.find(slug, { etag, signal }));
      return tell(answer);
    },
    refresh_references: async (signal) => {
      const round = beginRound(deps.log, signal);
      const { asked, waiting, troubled } = await refreshReferences(deps, round);
      const told = `${asked} references asked for, ${troubled} without an answer, ${waiting} to be asked for later`;
      return [told, round.failures()].filter(Boolean).join('; ');
    },
    refresh_software: async (signal) => {
      const { software_channel: channel } = await store.settings.get();
      return tell(await store.status.refreshSoftware(channel, () => releases.listSoftware(signal)));
    },
  };
  const tell = (answer: { ok: true } | { ok: false; trouble: RemoteTrouble }): string => {
    if (answer.ok) return 'asked';
    deps.log.warn({ trouble: answer.trouble }, 'a service outside gave no answer');
    return `not answered: ${answer.trouble.reason}`;
  };
  return { keepHouse: ({ kind }) => rounds[kind](Context.current().cancellationSignal) };
}

/** Jobs, processes and BLASTs; trouble with one of the three leaves the others their turn. */
async function reconcile(deps: Parameters<typeof createHousekeeping>[0], signal: AbortSignal): Promise<string> {
  const round = beginRound(deps.log, signal);
  const told: string[] = [];
  await round.attempt('jobs', async () => {
    const { started, closed, cancelled, released } = await reconcileJobs(deps, round);
    told.push(`jobs: ${started} started, ${closed} closed, ${cancelled} cancelled, ${released} uploads freed`);
  });
  await round.attempt('processes', async () => {
    const { started, closed } = await reconcileProcesses(deps, round);
    told.push(`processes: ${started} started, ${closed} closed`);
  });
  await round.attempt('BLASTs', async () => {
    const { started, closed } = await reconcileBlasts(deps, round);
    told.push(`BLASTs: ${started} started, ${closed} closed`);
  });
  return [...told, round.failures()].filter(Boolean).join('; ');
}
