import type { ClientSession, UpdateFilter } from 'mongodb';
import type { ProcessError } from '../../contracts/processes.js';
import { type Release, type ReleaseAnswer, releaseTroubleText } from '../../contracts/releases.js';
import type { Database, Stored } from '../database/database.js';
import { insertWithFreshId } from '../database/ids.js';
import { newProcess, type ProcessDocument, type ProcessStore } from '../processes.js';
import { isNewerRelease, type KnownRelease, type ReleaseUpdate, toReleaseUpdate } from '../releases.js';

/** What is known about installed and newer HMM data. */
export type HmmStatus = {
  /** True alone in databases of releases that did not note what they installed. */
  installed: ReleaseUpdate | true | null;
  /** The process that installs, or has installed what there is. */
  process: { id: string } | null;
  release: KnownRelease | null;
  /** Oldest first. */
  updates: ReleaseUpdate[];
  errors?: string[];
  /**
   * The installation that the visible HMMs and the profiles belong to, named like its process. Absent while what an old
   * release installed is in use, empty when nothing is installed.
   */
  installation?: string | null;
};
type HmmStatusDocument = Stored & HmmStatus;

const NOTHING: HmmStatus = { installed: null, process: null, release: null, updates: [] };
const NO_INSTALLATION = '';
const STATUS_ID = 'hmm';

/** Access to the status document of HMMs. */
export type HmmStatusStore = ReturnType<typeof createHmmStatusStore>;

/** Reads and conditional writes of the status document `hmm`. */
export function createHmmStatusStore(database: Database, processes: ProcessStore) {
  const collection = database.collection<HmmStatusDocument>('status');

  const get = async (session?: ClientSession): Promise<HmmStatus> => {
    const found = await collection.findOne({ _id: STATUS_ID }, session ? { session } : {});
    const { _id, ...status } = found ?? { _id: STATUS_ID };
    return { ...NOTHING, ...status };
  };

  const update = async (change: UpdateFilter<HmmStatusDocument>, session?: ClientSession): Promise<void> => {
    await collection.updateOne({ _id: STATUS_ID }, change, { upsert: true, ...(session ? { session } : {}) });
  };

  const isRunning = async ({ process }: HmmStatus, session?: ClientSession): Promise<boolean> =>
    process !== null && (await processes.isRunning(process.id, session));

  return {
    get: () => get(),

    /** The current installation; null for what an old release installed. */
    installation: async (): Promise<string | null> => (await get()).installation ?? null,

    /** Whether an installation is in progress. */
    isInstalling: (status: HmmStatus) => isRunning(status),

    /**
     * Asks for the latest release and notes what came of it; `ask` gets the tag of the release that is known. Trouble is
     * noted in `errors`, and the known release stays.
     */
    async refreshRelease(
      ask: (etag: string | undefined) => Promise<ReleaseAnswer>,
    ): Promise<{ answer: ReleaseAnswer; release: KnownRelease | null }> {
      const before = await get();
      const answer = await ask(before.release?.etag);
      if (!answer.ok) {
        await update({ $set: { errors: [releaseTroubleText(answer.trouble)] } });
        return { answer, release: before.release };
      }
      const { installed, release: known } = await get();
      const latest = answer.release ?? known;
      const release = latest ? { ...latest, newer: isNewer(latest, installed), retrieved_at: new Date() } : null;
      await update({ $set: { errors: [], ...(release ? { release } : {}) } });
      return { answer, release };
    },

    /** Notes that the known release is to be installed, with the process that does it, in one transaction. */
    beginInstall: (
      userId: string,
    ): Promise<{ update: ReleaseUpdate; process: ProcessDocument } | 'in_progress' | 'no_release'> =>
      insertWithFreshId((processId) =>
        database.transaction(async (session) => {
          const status = await get(session);
          if (await isRunning(status, session)) return 'in_progress';
          if (!status.release) return 'no_release';
          const { id, download_url, size } = status.release;
          const process = newProcess(processId, 'install_hmms', {
            user_id: userId,
            release: { id, download_url, size },
          });
          const begun = toReleaseUpdate(status.release, userId);
          await processes.insert(process, session);
          await update({ $set: { process: { id: processId } }, $push: { updates: begun } }, session);
          return { update: begun, process };
        }),
      ),

    /** Makes an installation current and its process complete; false when the process has ended before or was overtaken. */
    publish: (processId: string, step: string): Promise<boolean> =>
      database.transaction(async (session) => {
        const status = await get(session);
        const begun = status.updates.at(-1);
        if (status.process?.id !== processId || !begun) return false;
        if (!(await processes.complete(processId, step, session))) return false;
        const installed = { ...begun, ready: true };
        const updates = [...status.updates.slice(0, -1), installed];
        await update({ $set: { installed, updates, installation: processId } }, session);
        return true;
      }),

    /** Notes why an installation failed, so that the next one can begin. What is installed stays. */
    fail: (processId: string, errors: ProcessError[]): Promise<void> =>
      database.transaction(async (session) => {
        const status = await get(session);
        const begun = status.updates.at(-1);
        if (status.process?.id === processId && begun && !begun.ready) {
          const failed = { ...begun, error: errors[0]?.message ?? 'failed' };
          const updates = [...status.updates.slice(0, -1), failed];
          await update({ $set: { updates, process: null } }, session);
        }
        await processes.fail(processId, errors, session);
      }),

    /** Forgets what is installed; gives the process that was installing, which writes nothing any more. */
    purge: (): Promise<{ stopped: string | undefined }> =>
      database.transaction(async (session) => {
        const status = await get(session);
        const stopped = (await isRunning(status, session)) ? status.process?.id : undefined;
        if (stopped !== undefined) await processes.close(stopped, session);
        const release = status.release ? { release: { ...status.release, newer: true } } : {};
        const nothing = { installed: null, process: null, updates: [], installation: NO_INSTALLATION, ...release };
        await update({ $set: nothing }, session);
        return { stopped };
      }),
  };
}

function isNewer(release: Release, installed: HmmStatus['installed']): boolean {
  return installed === null || installed === true || isNewerRelease(release, installed);
}
