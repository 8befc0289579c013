import type { ClientSession, Collection } from 'mongodb';
import type { Stored } from './collections.js';

/** Learns which documents a write has touched; undefined when only the server knows. */
export type OnWrite = (ids: readonly string[] | undefined) => void;

type Arguments = readonly unknown[];
type Written = readonly string[] | undefined;
type Operation = Record<string, { filter?: unknown; document?: unknown }>;

const WRITES: Record<string, (first: unknown) => Written> = {
  insertOne: (document) => idsOfDocuments([document]),
  insertMany: (documents) => idsOfDocuments(documents as unknown[]),
  updateOne: idsOfFilter,
  updateMany: idsOfFilter,
  replaceOne: idsOfFilter,
  deleteOne: idsOfFilter,
  deleteMany: idsOfFilter,
  findOneAndUpdate: idsOfFilter,
  findOneAndReplace: idsOfFilter,
  findOneAndDelete: idsOfFilter,
  bulkWrite: (operations) => idsOfOperations(operations as Operation[]),
};

const inTransactions = new WeakMap<ClientSession, (() => void)[]>();

/**
 * Tells `onWrite` of all writes through a collection once they are seen by everybody: when they have ended, those of a transaction
 * when {@link tellCommitted} says so. Failed ones too, as they may have been done.
 */
export function tellWrites<T extends Stored>(collection: Collection<T>, onWrite: OnWrite): Collection<T> {
  const methods = collection as unknown as Record<string, (...args: Arguments) => Promise<unknown>>;
  for (const [name, idsOf] of Object.entries(WRITES)) {
    const write = methods[name]?.bind(collection);
    if (!write) continue;
    methods[name] = async (...args) => {
      try {
        return await write(...args);
      } finally {
        const tell = () => onWrite(idsOf(args[0]));
        const session = (args.at(-1) as { session?: ClientSession } | undefined)?.session;
        if (session?.inTransaction()) inTransactions.set(session, [...(inTransactions.get(session) ?? []), tell]);
        else tell();
      }
    };
  }
  return collection;
}

/** Tells of what was written in the transactions of a session, which have ended. */
export function tellCommitted(session: ClientSession): void {
  const tells = inTransactions.get(session) ?? [];
  inTransactions.delete(session);
  for (const tell of tells) tell();
}

function idsOfDocuments(documents: readonly unknown[]): Written {
  return allTexts(documents.map((document) => (document as { _id?: unknown })._id));
}

function idsOfFilter(filter: unknown): Written {
  const id = (filter as { _id?: unknown } | undefined)?._id;
  const among = (id as { $in?: unknown } | undefined)?.$in;
  return allTexts(Array.isArray(among) ? among : [id]);
}

function idsOfOperations(operations: readonly Operation[]): Written {
  const written = operations.flatMap(Object.values).map(({ filter, document }) => filter ?? document);
  const ids = written.map(idsOfFilter);
  return ids.every((some) => some !== undefined) ? ids.flat() : undefined;
}

function allTexts(ids: readonly unknown[]): Written {
  return ids.every((id) => typeof id === 'string') ? ids : undefined;
}
