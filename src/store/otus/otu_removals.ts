import type { ClientSession, Collection, Filter } from 'mongodb';
import type { Database, Stored } from '../database/database.js';
import { changeId, type HistoryDocument, nameWithAbbreviation, UNBUILT } from '../history/history.js';
import type { ReferenceDocument } from '../references/references.js';
import type { OtuDocument, OtuStore } from './otus.js';
import type { SequenceDocument } from './sequences.js';

const BATCH = 500;

/** Called after each small step of a long removal. */
export type OnStep = () => void;

/** Who removes an OTU: a user, perhaps by an update of the reference. */
export type Remover = { userId: string; processId?: string };

/** Removals of OTUs. */
export type OtuRemovalStore = ReturnType<typeof createOtuRemovalStore>;

/** Removes OTUs, alone or all of a reference. Everything is safe to run twice. */
export function createOtuRemovalStore(database: Database, otuStore: OtuStore) {
  const otus = database.collection<OtuDocument>('otus');
  const sequences = database.collection<SequenceDocument>('sequences');
  const history = database.collection<HistoryDocument>('history');
  const references = database.collection<ReferenceDocument>('references');

  const removeMany = async <T extends Stored>(
    collection: Collection<T>,
    filter: Filter<T>,
    onStep: OnStep,
  ): Promise<void> => {
    for (;;) {
      const found = await collection.find(filter, { projection: { _id: 1 }, limit: BATCH }).toArray();
      if (found.length === 0) return;
      const these = { _id: { $in: found.map(({ _id }) => _id) } } as Filter<T>;
      await database.transaction((session) => collection.deleteMany(these, { session }));
      onStep();
    }
  };

  const removeWithHistory = async (
    otuId: string,
    { userId, processId }: Remover,
    session: ClientSession,
  ): Promise<boolean> => {
    const joined = await otuStore.getJoined(otuId, session);
    if (!joined) return false;
    const control = await references.updateOne(
      { 'internal_control.id': otuId },
      { $set: { internal_control: null } },
      { session },
    );
    await history.insertOne(
      {
        _id: changeId(otuId, 'removed'),
        method_name: 'remove',
        description: `Removed ${nameWithAbbreviation(joined)}`,
        created_at: new Date(),
        otu: { id: otuId, name: joined.name, version: 'removed' },
        reference: joined.reference,
        index: { ...UNBUILT },
        user: { id: userId },
        diff: joined,
        ...(processId === undefined ? {} : { process: { id: processId } }),
        ...(control.modifiedCount > 0 ? { internal_control: true as const } : {}),
      },
      { session },
    );
    await sequences.deleteMany({ otu_id: otuId }, { session });
    await otus.deleteOne({ _id: otuId }, { session });
    return true;
  };

  return {
    /**
     * Removes an OTU with its sequences in the caller's transaction; its history tells of it, and its reference loses it as internal control. False
     * when it is gone.
     */
    removeWithHistory,

    /** Removes the OTUs of a reference with their sequences and history, but for those with these ids. */
    async removeAll(referenceId: string, except: readonly string[] = [], onStep: OnStep = () => undefined) {
      const ofReference = { 'reference.id': referenceId };
      const others = { $nin: [...except] };
      await removeMany(history, { ...ofReference, 'otu.id': others } as Filter<HistoryDocument>, onStep);
      await removeMany(sequences, { ...ofReference, otu_id: others } as Filter<SequenceDocument>, onStep);
      await removeMany(otus, { ...ofReference, _id: others } as Filter<OtuDocument>, onStep);
    },

    /** Removes all OTUs of a reference that are left; their history tells of it. */
    async removeAllWithHistory(referenceId: string, userId: string, onStep: OnStep = () => undefined): Promise<void> {
      for (;;) {
        const otu = await otus.findOne({ 'reference.id': referenceId }, { projection: { _id: 1 } });
        if (!otu) return;
        await database.transaction((session) => removeWithHistory(otu._id, { userId }, session));
        onStep();
      }
    },
  };
}
