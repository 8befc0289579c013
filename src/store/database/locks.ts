import type { ClientSession } from 'mongodb';
import type { Database, Stored } from './database.js';

/**
 * Transactions that keep a rule over several documents, which a snapshot alone cannot see: `samples` for unique names and for
 * hosts that samples use, `subtractions` for names that mean the same folder, `analyses` for the tags of samples and
 * for the files of the indexes that analyses use, `administrators` for the last of them, `otu_names` for the names of OTUs in one
 * reference.
 */
export type LockName = 'administrators' | 'analyses' | 'samples' | 'subtractions' | `otu_names ${string}`;

/**
 * Makes the transactions that hold the same lock run one after the other: all of them change its document, so the later
 * one starts again. To be called first in the transaction.
 */
export async function holdLock(database: Database, name: LockName, session: ClientSession): Promise<void> {
  const locks = database.collection<Stored & { holds: number }>('locks');
  await locks.updateOne({ _id: name }, { $inc: { holds: 1 } }, { session, upsert: true });
}
