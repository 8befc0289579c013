import type { AnyBulkWriteOperation, ClientSession } from 'mongodb';
import type { Database, Stored } from '../database/database.js';
import { type Move, moves } from './sequence_positions.js';

/** A sequence of an isolate. */
export type SequenceDocument = Stored & {
  otu_id: string;
  isolate_id: string;
  reference?: { id: string };
  accession: string;
  definition: string;
  /** Empty for none; null where the file that it came from has null. */
  host: string | null;
  /** Bases without white space. */
  sequence: string;
  /** Name of a segment of the OTU's schema; null or empty for none, absent after its segment was removed. */
  segment?: string | null;
  /** The sequence's id in the file or reference that it came from. */
  remote?: { id: string };
};

/** A sequence as stored. */
export type StoredSequence = SequenceDocument & {
  /**
   * Where it stands in its isolate, on which stored diffs rely: lower ones come first. There may be gaps. It never leaves
   * the store.
   */
  position: number;
};

/** What has to be written so that the stored sequences of OTUs are those of a new state. */
export type SequenceWrites = {
  insert: StoredSequence[];
  replace: StoredSequence[];
  move: Move[];
  /** Ids. */
  remove: string[];
};

// Those of old releases have no position before the start-up has given them one: equal keys, which the index keeps in the order of
// the collection.
const IN_ORDER = { otu_id: 1, position: 1 } as const;

/** Access to the collection `sequences`. */
export type SequenceStore = ReturnType<typeof createSequenceStore>;

/** Reads of sequences, and their writes in the caller's transaction. */
export function createSequenceStore(database: Database) {
  const sequences = database.collection<StoredSequence>('sequences');

  return {
    collection: sequences,

    get: (sequenceId: string) =>
      sequences.findOne<SequenceDocument>({ _id: sequenceId }, { projection: { position: 0 } }),

    /** All sequences of some OTUs by OTU id, those of each isolate in their order. */
    async ofOtus(otuIds: readonly string[], session?: ClientSession): Promise<Map<string, SequenceDocument[]>> {
      const found = await sequences
        .find({ otu_id: { $in: [...otuIds] } }, { batchSize: 500, ...(session ? { session } : {}) })
        .sort(IN_ORDER)
        .toArray();
      const byOtu = new Map<string, SequenceDocument[]>(otuIds.map((id) => [id, []]));
      for (const { position: _, ...sequence } of found) byOtu.get(sequence.otu_id)?.push(sequence);
      return byOtu;
    },

    /** The stored positions of the sequences of some OTUs, by sequence id. */
    async positions(otuIds: readonly string[], session: ClientSession): Promise<Map<string, number>> {
      const found = await sequences
        .find({ otu_id: { $in: [...otuIds] } }, { session, batchSize: 10_000 })
        .project<Pick<StoredSequence, '_id' | 'position'>>({ position: 1 })
        .toArray();
      return new Map(found.map(({ _id, position }) => [_id, position]));
    },

    /** Gives those sequences of some OTUs a position that have none, without another order; gives how many that were. */
    async placeAll(otuIds: readonly string[], session: ClientSession): Promise<number> {
      const found = await sequences
        .find({ otu_id: { $in: [...otuIds] } }, { session, batchSize: 10_000 })
        .project<Pick<StoredSequence, '_id' | 'otu_id' | 'isolate_id'> & { position?: number }>({
          otu_id: 1,
          isolate_id: 1,
          position: 1,
        })
        .sort(IN_ORDER)
        .toArray();
      const byIsolate = new Map<string, typeof found>();
      for (const sequence of found) {
        const isolate = JSON.stringify([sequence.otu_id, sequence.isolate_id]);
        const before = byIsolate.get(isolate);
        if (before) before.push(sequence);
        else byIsolate.set(isolate, [sequence]);
      }
      const writes = [...byIsolate.values()].flatMap(moves);
      if (writes.length > 0) await sequences.bulkWrite(writes.map(toMove), { session });
      return found.filter(({ position }) => position === undefined).length;
    },

    /** Writes what makes one state of OTUs of another. */
    async write({ insert, replace, move, remove }: SequenceWrites, session: ClientSession): Promise<void> {
      const changes: AnyBulkWriteOperation<StoredSequence>[] = [
        ...replace.map(({ _id, ...replacement }) => ({ replaceOne: { filter: { _id }, replacement } })),
        ...move.map(toMove),
      ];
      if (remove.length > 0) await sequences.deleteMany({ _id: { $in: remove } }, { session });
      if (changes.length > 0) await sequences.bulkWrite(changes, { session });
      if (insert.length > 0) await sequences.insertMany(insert, { session });
    },
  };
}

function toMove({ _id, position }: Move) {
  return { updateOne: { filter: { _id }, update: { $set: { position } } } };
}
