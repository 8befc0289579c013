import { setTimeout as delay } from 'node:timers/promises';
import {
  type Document,
  MongoError,
  MongoErrorLabel,
  MongoNetworkError,
  MongoServerSelectionError,
  type ResumeToken,
} from 'mongodb';
import type { CollectionName, Database } from './database.js';
import type { Follower } from './kept_lists.js';

/** What happened to a document. */
export type Operation = 'insert' | 'update' | 'delete';

/** A change of one document; several events in a short time count as one. */
export type Change = {
  collection: CollectionName;
  id: string;
  operation: Operation;
  /** How many updates have set one of the fields that the reader has marked, or may have; absent for none. */
  marks?: number;
};

/**
 * What happened since the last batch, in the order of each document's first event. With `lost` events may be missing:
 * everything counts as changed.
 */
export type ChangeBatch = { changes: Change[]; lost: boolean };

/** A running change feed. */
export type ChangeFeed = {
  /** Resolves when the stream stands; from then on no change is missed. */
  opened: Promise<void>;
  /** Stops reading; waits for the batch that is being handled. */
  close(): Promise<void>;
};

/** Who wants to know what. */
export type FeedOptions = {
  collections: readonly CollectionName[];
  /** Events that fit one of these conditions are left out by the server. */
  ignored?: readonly Document[];
  /** Fields of which the reader wants to know that an update has set them; whole, as what is set inside of a field is not told. */
  marked?: readonly string[];
  /** One call at a time. When it fails because the database is away, the batch comes again. */
  onBatch(batch: ChangeBatch): Promise<void>;
  /** A batch has failed for another reason and does not come again. Must not throw. */
  onDropped?(): void;
  onTrouble(error: unknown): void;
  /** Is told of changes as they come, before any batch. */
  follower?: Follower;
};

const FLUSH_EVERY_MS = 50;
const BACKOFF_FIRST_MS = 100;
const BACKOFF_MAX_MS = 5_000;

/**
 * Reads the ids of changed documents of the collections from one change stream. Resumes after a lost connection; when
 * the server cannot resume, starts anew and says so with `lost`. Tries for ever, and tells every failure.
 */
export function startChangeFeed(database: Database, options: FeedOptions): ChangeFeed {
  const closing = new AbortController();
  const flusher = createFlusher(options, closing.signal);
  const { opened, ended } = readForEver(database, options, flusher, closing.signal);
  return {
    opened,
    async close() {
      closing.abort();
      await ended;
      await flusher.idle();
    },
  };
}

/** What two changes of one document, one after the other, amount to. */
export function mergeOperations(first: Operation | undefined, second: Operation): Operation {
  // Whoever read the document between the two must learn that it is gone.
  if (first === undefined || second === 'delete') return second;
  return first === 'insert' ? 'insert' : 'update';
}

type Flusher = ReturnType<typeof createFlusher>;

// The reader only fills a map and never waits for those who read it, so it cannot fall behind the server's log.
function createFlusher({ onBatch, onDropped, onTrouble }: FeedOptions, closing: AbortSignal) {
  let pending = new Map<string, Change>();
  let lost = false;
  let flushing: Promise<void> | undefined;

  const add = (change: Change): void => {
    const key = `${change.collection}/${change.id}`;
    const earlier = pending.get(key);
    const operation = mergeOperations(earlier?.operation, change.operation);
    const marks = (earlier?.marks ?? 0) + (change.marks ?? 0);
    pending.set(key, { ...change, operation, ...(marks > 0 && { marks }) });
  };
  const putBack = (batch: ChangeBatch): void => {
    const newer = pending;
    pending = new Map();
    for (const change of [...batch.changes, ...newer.values()]) add(change);
    lost ||= batch.lost;
  };
  const flushAll = async (): Promise<void> => {
    let waitMs = BACKOFF_FIRST_MS;
    // What the stream delivered together is handled together.
    await new Promise(setImmediate);
    while ((pending.size > 0 || lost) && !closing.aborted) {
      const batch: ChangeBatch = { changes: [...pending.values()], lost };
      pending = new Map();
      lost = false;
      try {
        await onBatch(batch);
        waitMs = BACKOFF_FIRST_MS;
        await pause(FLUSH_EVERY_MS, closing);
      } catch (error) {
        onTrouble(error);
        if (!isConnectionTrouble(error)) {
          onDropped?.();
          continue;
        }
        putBack(batch);
        await pause(waitMs, closing);
        waitMs = Math.min(waitMs * 2, BACKOFF_MAX_MS);
      }
    }
  };
  const flush = (): void => {
    flushing ??= flushAll().finally(() => {
      flushing = undefined;
    });
  };
  return {
    add(change: Change): void {
      add(change);
      flush();
    },
    lose(): void {
      lost = true;
      flush();
    },
    idle: async (): Promise<void> => flushing,
  };
}

function readForEver(
  database: Database,
  { collections, ignored = [], marked = [], follower, onTrouble }: FeedOptions,
  flusher: Flusher,
  closing: AbortSignal,
): { opened: Promise<void>; ended: Promise<void> } {
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  let token: ResumeToken | undefined;
  let lost = false;
  let waitMs = BACKOFF_FIRST_MS;

  const readUntilError = async (): Promise<void> => {
    const stream = database.db.watch(pipeline(collections, ignored, marked), {
      batchSize: 500,
      maxAwaitTimeMS: 1_000,
      ...(token ? { resumeAfter: token } : {}),
    });
    const close = () => void stream.close().catch(onTrouble);
    closing.addEventListener('abort', close);
    // The first token comes as soon as the stream stands, long before the first event.
    stream.on('resumeTokenChanged', (newest: ResumeToken) => {
      token = newest;
      follower?.hear();
      waitMs = BACKOFF_FIRST_MS;
      open();
      if (lost) flusher.lose();
      lost = false;
    });
    try {
      while (!closing.aborted) {
        const event = await stream.next();
        const change = toChange(event);
        if (!change) continue;
        follower?.note(change.collection, change.id);
        flusher.add(change);
      }
    } finally {
      follower?.lose();
      closing.removeEventListener('abort', close);
      await stream.close();
    }
  };

  const read = async (): Promise<void> => {
    while (!closing.aborted) {
      try {
        await readUntilError();
      } catch (error) {
        if (closing.aborted) return;
        onTrouble(error);
        if (token && !isConnectionTrouble(error)) {
          token = undefined;
          lost = true;
        }
        await pause(waitMs, closing);
        waitMs = Math.min(waitMs * 2, BACKOFF_MAX_MS);
      }
    }
  };
  return { opened, ended: read() };
}

function pipeline(
  collections: readonly CollectionName[],
  ignored: readonly Document[],
  marked: readonly string[],
): Document[] {
  const operationType = { $in: ['insert', 'update', 'replace', 'delete'] };
  const others = ignored.length > 0 ? { $nor: [...ignored] } : {};
  const wanted = marked.map((field) => `updateDescription.updatedFields.${field}`);
  return [
    { $match: { operationType, 'ns.coll': { $in: [...collections] }, ...others } },
    { $project: { operationType: 1, ns: 1, documentKey: 1, ...Object.fromEntries(wanted.map((name) => [name, 1])) } },
  ];
}

type ChangeEvent = {
  operationType: string;
  ns?: { coll?: string };
  documentKey?: { _id: unknown };
  updateDescription?: { updatedFields?: Document };
};

function toChange(event: unknown): Change | undefined {
  const { operationType, ns, documentKey, updateDescription } = event as ChangeEvent;
  if (!ns?.coll || !documentKey) return undefined;
  const operation = operationType === 'insert' || operationType === 'delete' ? operationType : 'update';
  const isMarked = operationType === 'replace' || Object.keys(updateDescription?.updatedFields ?? {}).length > 0;
  const change: Change = { collection: ns.coll as CollectionName, id: String(documentKey._id), operation };
  return isMarked ? { ...change, marks: 1 } : change;
}

// Of everything else, as a token that the server no longer knows or a dropped database, a resumed stream would die again.
function isConnectionTrouble(error: unknown): boolean {
  return (
    error instanceof MongoNetworkError ||
    error instanceof MongoServerSelectionError ||
    (error instanceof MongoError && error.hasErrorLabel(MongoErrorLabel.ResumableChangeStreamError)) ||
    (error instanceof MongoError && error.hasErrorLabel(MongoErrorLabel.RetryableWriteError))
  );
}

async function pause(durationMs: number, closing: AbortSignal): Promise<void> {
  await delay(durationMs, undefined, { signal: closing }).catch(() => undefined);
}
