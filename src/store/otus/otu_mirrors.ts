import { BSON, type ClientSession } from 'mongodb';
import type { Database } from '../database/database.js';
import { serialId } from '../database/ids.js';
import { changeId, type HistoryDocument, nameWithAbbreviation, UNBUILT } from '../history/history.js';
import { diffStates } from '../history/otu_diff.js';
import type { ProcessProgress, ProcessStore } from '../processes.js';
import { copyOtu, type SourceOtu } from './otu_copies.js';
import { followSource } from './otu_following.js';
import type { OtuRemovalStore } from './otu_removals.js';
import { type JoinedOtu, type OtuDocument, type OtuStore, splitOtu } from './otus.js';
import { sequenceWrites } from './sequence_writes.js';
import type { SequenceDocument, SequenceStore, SequenceWrites } from './sequences.js';

/** An update of a remote reference. */
export type Mirroring = { processId: string; referenceId: string; userId: string; createdAt: Date };

/** A change that the database cannot take. */
export class ChangeTooLarge extends Error {
  override name = 'ChangeTooLarge';
}

/** Bytes of a document that the database surely takes; its limit is 16 MiB. */
const DOCUMENT_LIMIT_BYTES = 15 * 1024 ** 2;

/** What a batch writes. */
type Writes = {
  otus: { insert: OtuDocument[]; replace: OtuDocument[] };
  sequences: SequenceWrites;
  history: HistoryDocument[];
};

/** Makes a reference the mirror of a release, step by step; each step is one transaction with the note that it is done. */
export function createOtuMirrorStore(
  database: Database,
  stores: { otus: OtuStore; sequences: SequenceStore; otuRemovals: OtuRemovalStore; processes: ProcessStore },
) {
  const otus = stores.otus.collection;
  const history = database.collection<HistoryDocument>('history');

  const write = async (writes: Writes, session: ClientSession): Promise<void> => {
    const replaced = writes.otus.replace.map(({ _id, ...replacement }) => ({
      replaceOne: { filter: { _id }, replacement },
    }));
    if (replaced.length > 0) await otus.bulkWrite(replaced, { session });
    if (writes.otus.insert.length > 0) await otus.insertMany(writes.otus.insert, { session });
    await stores.sequences.write(writes.sequences, session);
    if (writes.history.length > 0) await history.insertMany(writes.history, { session });
  };

  return {
    /**
     * Lets OTUs of the release, the first one being number `from` of its file, come or change in one transaction. False when the process
     * has ended or another run has done this batch already; then nothing is written.
     *
     * @throws ChangeTooLarge
     */
    mirrorBatch(
      mirroring: Mirroring,
      { from, sources, progress }: { from: number; sources: readonly SourceOtu[]; progress: ProcessProgress },
    ): Promise<boolean> {
      const remoteIds = sources.flatMap(({ remoteId }) => remoteId ?? []);
      return database.transaction(async (session) => {
        const batch = { from, done: from + sources.length, otuIds: [], progress };
        if (!(await stores.processes.advance(mirroring.processId, batch, session))) return false;
        const found = await otus
          .find({ 'reference.id': mirroring.referenceId, 'remote.id': { $in: remoteIds } }, { session })
          .sort({ _id: 1 })
          .toArray();
        const ids = found.map(({ _id }) => _id);
        const stored = await stores.sequences.ofOtus(ids, session);
        const positions = await stores.sequences.positions(ids, session);
        const ofSource = firstByRemoteId(found);
        const writes: Writes = {
          otus: { insert: [], replace: [] },
          sequences: { insert: [], replace: [], move: [], remove: [] },
          history: [],
        };
        for (const [index, source] of sources.entries()) {
          const current = ofSource.get(source.remoteId ?? '');
          if (current) {
            const sequences = stored.get(current._id) ?? [];
            follow(mirroring, { otu: current, sequences, positions }, source, writes);
          } else add(mirroring, source, serialId(mirroring.processId, from + index), writes);
        }
        await write(writes, session);
        return true;
      });
    },

    /** Ids of the OTUs of a reference that no OTU of the release stands for, when those have these ids. */
    async strangers(referenceId: string, remoteIds: ReadonlySet<string>): Promise<string[]> {
      const all = await otus
        .find({ 'reference.id': referenceId })
        .project<Pick<OtuDocument, '_id' | 'remote'>>({ remote: 1 })
        .sort({ _id: 1 })
        .toArray();
      const mirrors = new Set([...firstByRemoteId(all)].flatMap(([id, { _id }]) => (remoteIds.has(id) ? [_id] : [])));
      return all.flatMap(({ _id }) => (mirrors.has(_id) ? [] : [_id]));
    },

    /** Removes an OTU, which the history tells; false when the process has ended. */
    remove: (mirroring: Mirroring, otuId: string, progress: ProcessProgress): Promise<boolean> =>
      database.transaction(async (session) => {
        if (!(await stores.processes.setStep(mirroring.processId, progress, session))) return false;
        await stores.otuRemovals.removeWithHistory(otuId, mirroring, session);
        return true;
      }),
  };
}

// Old releases let an OTU be there twice; the first one stays.
function firstByRemoteId<T extends Pick<OtuDocument, '_id' | 'remote'>>(found: readonly T[]): Map<string, T> {
  const first = new Map<string, T>();
  for (const otu of found) if (otu.remote && !first.has(otu.remote.id)) first.set(otu.remote.id, otu);
  return first;
}

function add({ processId, referenceId, userId, createdAt }: Mirroring, source: SourceOtu, id: string, writes: Writes) {
  const copy = copyOtu(source, id, { method: 'remote', referenceId, userId, createdAt });
  writes.otus.insert.push(copy.otu);
  writes.sequences.insert.push(...copy.sequences);
  writes.history.push({ ...copy.change, process: { id: processId } });
}

function follow(
  mirroring: Mirroring,
  stored: { otu: OtuDocument; sequences: readonly SequenceDocument[]; positions: ReadonlyMap<string, number> },
  source: SourceOtu,
  writes: Writes,
): void {
  const followed = followSource(stored, source);
  if (followed === 'same') return;
  const { before, after } = followed;
  const sequences = sequenceWrites(stored.sequences, after.isolates, stored.positions);
  writes.otus.replace.push(splitOtu(after).otu);
  writes.sequences.insert.push(...sequences.insert);
  writes.sequences.replace.push(...sequences.replace);
  writes.sequences.move.push(...sequences.move);
  writes.sequences.remove.push(...sequences.remove);
  if (after.version > before.version) writes.history.push(changeOf(before, after, mirroring));
}

function changeOf(before: JoinedOtu, after: JoinedOtu, { processId, userId }: Mirroring): HistoryDocument {
  const change: HistoryDocument = {
    _id: changeId(after._id, after.version),
    method_name: 'update',
    description: `Updated ${nameWithAbbreviation(after)}`,
    created_at: new Date(),
    otu: { id: after._id, name: before.name, version: after.version },
    reference: { id: after.reference.id },
    index: { ...UNBUILT },
    user: { id: userId },
    diff: diffStates(before, after),
    process: { id: processId },
  };
  if ([after, change].some((document) => BSON.calculateObjectSize(document) > DOCUMENT_LIMIT_BYTES)) {
    throw new ChangeTooLarge(
      `${before.name.slice(0, 100)}: the change is larger than a document of the database may be`,
    );
  }
  return change;
}
