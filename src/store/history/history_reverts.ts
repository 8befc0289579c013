import type { ClientSession } from 'mongodb';
import type { Compete } from '../database/contention.js';
import type { Database } from '../database/database.js';
import { findNameClash, holdNames, type NameClash } from '../otus/otu_names.js';
import { type JoinedOtu, type OtuStore, splitOtu } from '../otus/otus.js';
import type { StoredSequence } from '../otus/sequences.js';
import type { ReferenceDocument } from '../references/references.js';
import { type HistoryDocument, UNBUILT } from './history.js';
import type { OtuVersionStore } from './otu_versions.js';

/** Why a change is not reverted. */
export type RevertRefusal = 'unknown' | 'built' | NameClash | 'contended';

/** What became of a revert. */
export type RevertOutcome = { ok: true } | { ok: false; reason: RevertRefusal };

type Reverted = Pick<HistoryDocument, '_id' | 'otu' | 'index' | 'internal_control'>;

/** Takes back the last changes of OTUs, as if they had not been made. */
export function createHistoryRevertStore(
  database: Database,
  stores: { otus: OtuStore; otuVersions: OtuVersionStore },
  compete: Compete,
) {
  const otus = stores.otus.collection;
  const sequences = database.collection<StoredSequence>('sequences');
  const history = database.collection<HistoryDocument>('history');
  const references = database.collection<ReferenceDocument>('references');

  const writeState = async (otuId: string, state: JoinedOtu | undefined, exists: boolean, session: ClientSession) => {
    await sequences.deleteMany({ otu_id: otuId }, { session });
    if (!state) {
      await otus.deleteOne({ _id: otuId }, { session });
      return;
    }
    const { otu, sequences: former } = splitOtu(state);
    if (exists) await otus.replaceOne({ _id: otuId }, otu, { session });
    else await otus.insertOne(otu, { session });
    if (former.length > 0) await sequences.insertMany(former, { session });
  };

  const writeControl = async (
    change: HistoryDocument,
    state: JoinedOtu | undefined,
    reverted: readonly Reverted[],
    session: ClientSession,
  ) => {
    const { id } = change.otu;
    const wasControl = reverted.some((one) => one.internal_control);
    if (state && wasControl) {
      const free = { _id: change.reference.id, internal_control: null };
      await references.updateOne(free, { $set: { internal_control: { id } } }, { session });
    } else if (!state) {
      await references.updateOne({ 'internal_control.id': id }, { $set: { internal_control: null } }, { session });
    }
  };

  return {
    /**
     * Reverts a change and all later ones of its OTU: the OTU is again as it was before, which may mean that it exists
     * again or no longer, and the changes are gone. An OTU that was the internal control when it was removed is it again,
     * unless another one took its place. All in one transaction.
     */
    revert(change: HistoryDocument): Promise<RevertOutcome> {
      const otuId = change.otu.id;
      return compete(otuId, async (session): Promise<RevertOutcome> => {
        await holdNames(database, change.reference.id, session);
        const reference = await references.findOne({ _id: change.reference.id }, { session, projection: { _id: 1 } });
        const isThere = await history.findOne({ _id: change._id }, { session, projection: { _id: 1 } });
        if (!reference || !isThere) return { ok: false, reason: 'unknown' };
        const version = versionBefore(change);
        const patched = await stores.otuVersions.patchToVersion(otuId, version, session);
        const reverted = await history
          .find({ _id: { $in: patched.revertedIds } }, { session })
          .project<Reverted>({ otu: 1, index: 1, internal_control: 1 })
          .toArray();
        if (reverted.some(({ index }) => index.id !== UNBUILT.id)) return { ok: false, reason: 'built' };
        const current = await otus.findOne({ _id: otuId }, { session });
        requireWayBack(change, reverted, patched.otu, version, current?.version);
        const clash = patched.otu && (await findNameClash(database, patched.otu, current ?? undefined, session));
        if (clash) return { ok: false, reason: clash };
        await writeState(otuId, patched.otu, current !== null, session);
        await writeControl(change, patched.otu, reverted, session);
        await history.deleteMany({ _id: { $in: patched.revertedIds } }, { session });
        return { ok: true };
      });
    },

    /**
     * Takes back all that a process has changed in a reference, in any order and one transaction for each change: each OTU was changed once, nothing
     * was changed since, and while only some are back two may have the same name. Safe to run twice.
     */
    async revertProcess(referenceId: string, processId: string, onStep: () => void): Promise<number> {
      const ofProcess = { 'reference.id': referenceId, 'index.id': UNBUILT.id, 'process.id': processId };
      const ids = await history.find(ofProcess, { projection: { _id: 1 } }).toArray();
      for (const { _id } of ids) {
        await database.transaction(async (session) => {
          const change = await history.findOne({ _id }, { session });
          if (!change) return;
          const otuId = change.otu.id;
          const version = versionBefore(change);
          const patched = await stores.otuVersions.patchToVersion(otuId, version, session);
          const current = await otus.findOne({ _id: otuId }, { session, projection: { version: 1 } });
          requireWayBack(change, [change], patched.otu, version, current?.version);
          await writeState(otuId, patched.otu, current !== null, session);
          await writeControl(change, patched.otu, [change], session);
          await history.deleteOne({ _id }, { session });
        });
        onStep();
      }
      return ids.length;
    },
  };
}

/** The version before a change; -1 stands for the time before the OTU existed. */
function versionBefore({ otu, diff }: HistoryDocument): number {
  return otu.version === 'removed' ? (diff as JoinedOtu).version : otu.version - 1;
}

// Old releases wrote OTU and history one after the other, so a history may have gaps.
function requireWayBack(
  change: HistoryDocument,
  reverted: readonly Reverted[],
  state: JoinedOtu | undefined,
  version: number,
  currentVersion: number | undefined,
): void {
  const versions = reverted
    .flatMap(({ otu }) => (otu.version === 'removed' ? [] : [otu.version]))
    .sort((a, b) => a - b);
  const hasAll = versions.every((one, index) => one === version + 1 + index);
  const reachesNow = currentVersion === undefined || currentVersion === version + versions.length;
  const arrived = version < 0 ? state === undefined : state?.version === version;
  if (hasAll && reachesNow && arrived && reverted.some(({ _id }) => _id === change._id)) return;
  throw new Error(`The history of OTU ${change.otu.id} does not lead back to the time before ${change._id}`);
}
