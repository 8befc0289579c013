import type { ClientSession, Collection, Filter, UpdateFilter } from 'mongodb';
import { isProcessType, PROCESS_TYPES, type ProcessError, type ProcessType } from '../contracts/processes.js';
import type { Database, Stored } from './database/database.js';
import { fields } from './database/pages.js';

/** A process as stored. It has failed when it has errors. One that a reference or the status of HMM data names is never removed. */
export type ProcessDocument = Stored & {
  type: string;
  step: string;
  /** 0 to 1. */
  progress: number;
  /** OTUs or HMMs done, or bytes downloaded, when the progress was last written. */
  count: number;
  complete: boolean;
  created_at: Date;
  resumable: false;
  context: ProcessContext;
  errors?: ProcessError[];
  /** OTUs surely done; where a second run goes on. Absent in processes of old releases. */
  done?: number;
  /** Being undone: nothing may be written for it any more. */
  closing?: boolean;
};

/** What a process works on. */
export type ProcessContext = {
  ref_id?: string;
  user_id?: string;
  created_at?: Date;
  /** Path of the file to import, relative to the data directory; absolute in documents of old releases. */
  path?: string;
  manifest?: Record<string, number>;
  inserted_otu_ids?: string[];
  /** The release to install, as it was when the process was asked for. */
  release?: { id: number; download_url: string; size: number; sha256?: string };
};

type Naming = Stored & { process?: { id?: string } | null };

/** How far a process is. */
export type ProcessProgress = { step: string; progress: number; count?: number };

/** Fields that messages need, and what decides who may see them. */
export const PROCESS_PROJECTION = fields(
  'type',
  'step',
  'progress',
  'count',
  'complete',
  'created_at',
  'resumable',
  'errors',
  'context.ref_id',
  'context.user_id',
);

// The list is only shown, and the document must stay small.
const SHOWN_OTU_IDS = 1_000;

const PRUNED_AT_ONCE = 1_000;

const OPEN = { complete: false, closing: { $ne: true }, 'errors.0': { $exists: false } };

/** A process that has just been asked for. */
export function newProcess(id: string, type: ProcessType, context: ProcessContext): ProcessDocument {
  return {
    _id: id,
    type,
    step: PROCESS_TYPES[type][0],
    progress: 0,
    count: 0,
    complete: false,
    created_at: new Date(),
    resumable: false,
    context,
    done: 0,
  };
}

// Those without `done` are of an old release, which left many unfinished for ever.
const ENDED = { $or: [{ complete: true }, { 'errors.0': { $exists: true } }, { done: { $exists: false } }] };

/** A process in the list: without what grows with the reference that it is about. */
export type ListedProcess = Omit<ProcessDocument, 'context'> & {
  context: Omit<ProcessContext, 'manifest' | 'inserted_otu_ids'>;
};

/** What the reconciler needs of a process. */
export type UnfinishedProcess = Stored & { type: ProcessType; created_at: Date; context: { user_id?: string } };

/** Access to the collection `processes`. */
export type ProcessStore = ReturnType<typeof createProcessStore>;

/** Reads and conditional writes of processes. Complete or failed is never left. */
export function createProcessStore(database: Database) {
  const processes = database.collection<ProcessDocument>('processes');
  const references = database.collection<Naming>('references');
  const status = database.collection<Naming>('status');

  const update = async (filter: object, change: UpdateFilter<ProcessDocument>, session?: ClientSession) => {
    const result = await processes.updateOne(filter as Filter<ProcessDocument>, change, session ? { session } : {});
    return result.matchedCount === 1;
  };

  return {
    collection: processes,

    get: (processId: string) => processes.findOne({ _id: processId }),

    /** The processes that somebody may see, by the scope of `processRights`, oldest first. */
    list(scope: Filter<ProcessDocument>): Promise<ListedProcess[]> {
      const projection = { 'context.manifest': 0, 'context.inserted_otu_ids': 0 };
      return processes.find(scope, { projection }).sort({ created_at: 1, _id: 1 }).toArray();
    },

    /** Removes processes that have ended and began before that time, but not the newest `kept` of all that have ended; gives how many. */
    async prune(before: Date, kept: number): Promise<number> {
      const newest = processes.find(ENDED as Filter<ProcessDocument>).sort({ created_at: -1, _id: -1 });
      const begins = newest.skip(kept).project<Pick<ProcessDocument, '_id' | 'created_at'>>({ created_at: 1 });
      const old = (await begins.toArray()).filter(({ created_at }) => created_at < before).map(({ _id }) => _id);
      let removed = 0;
      for (let start = 0; start < old.length; start += PRUNED_AT_ONCE) {
        const part = old.slice(start, start + PRUNED_AT_ONCE);
        const named = new Set([...(await namedBy(references, part)), ...(await namedBy(status, part))]);
        const ids = part.filter((id) => !named.has(id));
        removed += (await processes.deleteMany({ _id: { $in: ids } })).deletedCount;
      }
      return removed;
    },

    /** Inserts a process in the caller's transaction. */
    async insert(process: ProcessDocument, session: ClientSession): Promise<void> {
      await processes.insertOne(process, { session });
    },

    /** Notes the step and the progress; false when the process has ended. */
    setStep: (processId: string, progress: ProcessProgress, session?: ClientSession) =>
      update({ _id: processId, ...OPEN }, { $set: progress }, session),

    /**
     * Notes in the caller's transaction that a batch of OTUs is done: those that were inserted, or as many as `done` says. False when the process has ended or another run was
     * faster; then the transaction has to be aborted.
     */
    advance(
      processId: string,
      batch: { from: number; done?: number; otuIds: readonly string[]; progress: ProcessProgress },
      session: ClientSession,
    ): Promise<boolean> {
      const { from, otuIds, progress, done = from + otuIds.length } = batch;
      const shown = otuIds.slice(0, Math.max(0, SHOWN_OTU_IDS - from));
      const change = {
        $set: { ...progress, done },
        ...(shown.length > 0 ? { $push: { 'context.inserted_otu_ids': { $each: shown } } } : {}),
      };
      return update({ _id: processId, done: from, ...OPEN }, change as UpdateFilter<ProcessDocument>, session);
    },

    /** Notes that all is done; false when the process has ended before. */
    complete: (processId: string, step: string, session?: ClientSession) =>
      update({ _id: processId, ...OPEN }, { $set: { step, progress: 1, complete: true } }, session),

    /** Stops all writing for a process that will fail; false when it is complete or gone. */
    close: (processId: string, session?: ClientSession) =>
      update({ _id: processId, complete: false }, { $set: { closing: true } }, session),

    /** Notes why a process failed; the first reasons stay. */
    fail: (processId: string, errors: ProcessError[], session?: ClientSession) =>
      update(
        { _id: processId, complete: false, 'errors.0': { $exists: false } },
        { $set: { errors, closing: true } },
        session,
      ),

    /** All processes of this server that have not ended, oldest first; for the reconciler. */
    async unfinished(): Promise<UnfinishedProcess[]> {
      const found = await processes
        .find({ complete: false, done: { $exists: true }, 'errors.0': { $exists: false } })
        .project<UnfinishedProcess>({ type: 1, created_at: 1, 'context.user_id': 1 })
        .sort({ created_at: 1, _id: 1 })
        .toArray();
      return found.filter(({ type }) => isProcessType(type));
    },

    /** Whether a process of this server has not ended; false for those that an old release left unfinished. */
    async isRunning(processId: string, session?: ClientSession): Promise<boolean> {
      const filter = { _id: processId, done: { $exists: true }, complete: false, 'errors.0': { $exists: false } };
      const options = { projection: { _id: 1 }, ...(session ? { session } : {}) };
      return (await processes.findOne(filter, options)) !== null;
    },
  };
}

/** Those of the processes that documents of a collection name. */
async function namedBy(collection: Collection<Naming>, processIds: readonly string[]): Promise<string[]> {
  const filter = { 'process.id': { $in: [...processIds] } } as Filter<Naming>;
  const found = await collection.find(filter).project<Naming>({ 'process.id': 1 }).toArray();
  return found.flatMap(({ process }) => process?.id ?? []);
}
