import type { ClientSession, UpdateFilter } from 'mongodb';
import type { ProcessError } from '../../contracts/processes.js';
import { type Release, type ReleaseAnswer, type RemoteTrouble, releaseTroubleText } from '../../contracts/releases.js';
import type { Database } from '../database/database.js';
import { insertWithFreshId } from '../database/ids.js';
import { newProcess, type ProcessDocument, type ProcessStore } from '../processes.js';
import { isNewerRelease, type KnownRelease, type ReleaseUpdate, toReleaseUpdate } from '../releases.js';
import type { ReferenceDocument } from './references.js';

/** A remote reference whose release service is to be asked. */
export type FollowedReference = Pick<ReferenceDocument, '_id' | 'release'> & {
  slug: string;
  retryAt: Date | undefined;
};

/** Why an update does not begin. */
export type UpdateRefusal = 'unknown' | 'in_progress' | 'no_release' | 'not_newer';

/** An update that was asked for, or why not. */
export type UpdateOutcome =
  | { ok: true; update: ReleaseUpdate; process: ProcessDocument }
  | { ok: false; reason: UpdateRefusal };

/** What a reference says about trouble with the question for its release. */
export function remoteTroubleText(trouble: RemoteTrouble): string {
  return trouble.reason === 'not_found' ? 'GitHub repository or release does not exist' : releaseTroubleText(trouble);
}

/** Releases of remote references: what is known, what is installed, and the updates between them. */
export function createRemoteReferenceStore(database: Database, processes: ProcessStore) {
  const references = database.collection<ReferenceDocument>('references');

  const change = (referenceId: string, fields: UpdateFilter<ReferenceDocument>, session: ClientSession) =>
    references.updateOne({ _id: referenceId }, fields, { session });

  return {
    /** All remote references, those first that were not asked for the longest time. */
    async followed(): Promise<FollowedReference[]> {
      const found = await references
        .find({ 'remotes_from.slug': { $exists: true } })
        .project<Pick<ReferenceDocument, '_id' | 'remotes_from' | 'release'>>({ remotes_from: 1, release: 1 })
        .sort({ 'release.retrieved_at': 1, _id: 1 })
        .toArray();
      return found.flatMap(({ _id, remotes_from: source, release }) =>
        source ? [{ _id, slug: source.slug, release: release ?? null, retryAt: source.retry_at }] : [],
      );
    },

    /**
     * Notes what the release service said; gives the release that is known then. Trouble is noted in `errors`, and the known release
     * stays.
     */
    noteAnswer: (referenceId: string, answer: ReleaseAnswer): Promise<KnownRelease | null> =>
      database.transaction(async (session) => {
        const reference = await references.findOne({ _id: referenceId }, { session });
        const known = reference?.release ?? null;
        if (!reference?.remotes_from) return known;
        if (!answer.ok) {
          const errors = [remoteTroubleText(answer.trouble)];
          const { trouble } = answer;
          const retry = trouble.reason === 'rate_limited' ? { 'remotes_from.retry_at': trouble.until } : {};
          await change(referenceId, { $set: { errors, 'remotes_from.errors': errors, ...retry } }, session);
          return known;
        }
        const latest = answer.release ?? known;
        const release = latest && { ...latest, newer: isNewer(latest, reference.installed), retrieved_at: new Date() };
        const fields = { errors: [], 'remotes_from.errors': [], ...(release ? { release } : {}) };
        await change(referenceId, { $set: fields, $unset: { 'remotes_from.retry_at': '' } }, session);
        return release;
      }),

    /** Notes that the known release is to be installed, with the process that does it, in one transaction. */
    beginUpdate: (referenceId: string, userId: string): Promise<UpdateOutcome> =>
      insertWithFreshId((processId) =>
        database.transaction(async (session): Promise<UpdateOutcome> => {
          const reference = await references.findOne({ _id: referenceId }, { session });
          if (!reference) return { ok: false, reason: 'unknown' };
          const { release, installed, process: former } = reference;
          if (!reference.remotes_from || !release) return { ok: false, reason: 'no_release' };
          if (former && (await processes.isRunning(former.id, session))) return { ok: false, reason: 'in_progress' };
          if (installed && !isNewer(release, installed)) return { ok: false, reason: 'not_newer' };
          const update = toReleaseUpdate(release, userId);
          const process = newProcess(processId, 'update_remote_reference', {
            created_at: update.created_at,
            ref_id: referenceId,
            user_id: userId,
            release: toDownload(release),
          });
          await processes.insert(process, session);
          const begun = { process: { id: processId }, updating: true };
          await change(referenceId, { $set: begun, $push: { updates: update } }, session);
          return { ok: true, update, process };
        }),
      ),

    /**
     * Notes that the release of a process is installed, with the checksum of its file, and the process as complete; false when the
     * process has ended before.
     */
    publish: (processId: string, referenceId: string, sha256: string, step: string): Promise<boolean> =>
      database.transaction(async (session) => {
        const reference = await references.findOne({ _id: referenceId, 'process.id': processId }, { session });
        const begun = reference?.updates?.at(-1);
        if (!reference || !begun || !(await processes.complete(processId, step, session))) return false;
        const installed = { ...begun, sha256, ready: true, created_at: new Date() };
        const updates = [...(reference.updates ?? []).slice(0, -1), { ...begun, sha256, ready: true }];
        const { release } = reference;
        const latest = release ? { release: { ...release, newer: isNewer(release, installed) } } : {};
        await change(referenceId, { $set: { installed, updates, updating: false, ...latest } }, session);
        return true;
      }),

    /** Notes why an update failed, so that the next one can begin. */
    failUpdate: (processId: string, referenceId: string, errors: ProcessError[]): Promise<void> =>
      database.transaction(async (session) => {
        const reference = await references.findOne({ _id: referenceId, 'process.id': processId }, { session });
        const begun = reference?.updates?.at(-1);
        if (reference && begun && !begun.ready) {
          const failed = { ...begun, error: errors[0]?.message ?? 'failed' };
          const updates = [...(reference.updates ?? []).slice(0, -1), failed];
          await change(referenceId, { $set: { updates, updating: false } }, session);
        }
        await processes.fail(processId, errors, session);
      }),
  };
}

/** What a process needs of a release to download it. */
export function toDownload({ id, download_url, size, sha256 }: Release) {
  return { id, download_url, size, ...(sha256 === undefined ? {} : { sha256 }) };
}

function isNewer(release: Pick<KnownRelease, 'name'>, installed: ReleaseUpdate | null | undefined): boolean {
  return installed ? isNewerRelease(release, installed) : false;
}
