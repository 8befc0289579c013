import type { ClientSession } from 'mongodb';
import type { Database, Stored } from '../database/database.js';

/** A sequence of an isolate, as stored. */
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

/** Access to the collection `sequences`. */
export type SequenceStore = ReturnType<typeof createSequenceStore>;

/** Reads of sequences. */
export function createSequenceStore(database: Database) {
  const sequences = database.collection<SequenceDocument>('sequences');

  return {
    collection: sequences,

    get: (sequenceId: string) => sequences.findOne({ _id: sequenceId }),

    /** All sequences of some OTUs by OTU id, each list in the order of the collection, on which stored diffs rely. */
    async ofOtus(otuIds: readonly string[], session?: ClientSession): Promise<Map<string, SequenceDocument[]>> {
      const found = await sequences
        .find({ otu_id: { $in: [...otuIds] } }, { batchSize: 500, ...(session ? { session } : {}) })
        .toArray();
      const byOtu = new Map<string, SequenceDocument[]>(otuIds.map((id) => [id, []]));
      for (const sequence of found) byOtu.get(sequence.otu_id)?.push(sequence);
      return byOtu;
    },
  };
}
