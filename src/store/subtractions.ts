import type { ClientSession, Filter } from 'mongodb';
import { FINAL_STATES } from '../contracts/jobs.js';
import type { Database, Stored } from './database/database.js';
import { insertWithFreshId } from './database/ids.js';
import { holdLock, inSharedTransaction } from './database/locks.js';
import { fields, findPage, type Page, type PageRequest, searchFilter } from './database/pages.js';
import type { FileStore } from './files.js';
import type { JobDocument, JobStore } from './jobs.js';

/** Fractions of the nucleotides, three decimals; they add up to 1. */
export type NucleotideFractions = { a: number; t: number; g: number; c: number; n: number };

/** A host genome whose reads are taken away, as stored. Its id is the name that a user chose. */
export type SubtractionDocument = Stored & {
  nickname: string;
  ready: boolean;
  is_host: boolean;
  file: { id: string; name: string };
  user: { id: string };
  job: { id: string };
  gc?: NucleotideFractions;
  /** Number of sequences. */
  count?: number;
  /** What the server has changed in the file; absent when it was nothing. */
  notes?: string[];
};

/** A subtraction in lists and messages. */
export type SubtractionListItem = Pick<SubtractionDocument, '_id' | 'file' | 'ready' | 'job'>;

/** What it takes to start a subtraction. */
export type NewSubtraction = {
  name: string;
  /** Whether another subtraction's name means the same folder. */
  clashesWith: (name: string) => boolean;
  nickname: string;
  fileId: string;
  userId: string;
  /** Limits of its job, fixed now: cores and GiB. */
  cost: { proc: number; mem: number };
};

/** Why a subtraction cannot be created: its name or folder is taken, or the upload cannot be used. */
export type SubtractionRefusal = 'name_taken' | 'no_file';

/** Why a subtraction cannot be removed. */
export type RemovalRefusal = 'linked' | 'not_found' | 'running';

/** Which subtractions a list is about; what is undefined does not matter. */
export type SubtractionSearch = {
  find?: string | undefined;
  ready?: boolean | undefined;
  isHost?: boolean | undefined;
};

/** Fields that lists and messages need. */
export const SUBTRACTION_PROJECTION = fields('_id', 'file', 'ready', 'job');

/** Access to the collection `subtraction`. */
export type SubtractionStore = ReturnType<typeof createSubtractionStore>;

/** Reads and conditional writes of subtractions. Their folders are the caller's. */
export function createSubtractionStore(database: Database, jobs: JobStore, files: FileStore) {
  const subtractions = database.collection<SubtractionDocument>('subtraction');
  const samples = database.collection<Stored & { subtraction: { id: string } }>('samples');

  const isTaken = async (input: NewSubtraction, session: ClientSession): Promise<boolean> => {
    const all = await subtractions.find({}, { session }).project<Stored>({ _id: 1 }).toArray();
    return all.some(({ _id }) => _id === input.name || input.clashesWith(_id));
  };

  const insertWithJob = async (
    input: NewSubtraction,
    jobId: string,
    session: ClientSession,
  ): Promise<{ subtraction: SubtractionDocument; job: JobDocument } | SubtractionRefusal> => {
    if (await isTaken(input, session)) return 'name_taken';
    const [file] = await files.findFree([input.fileId], 'subtraction', session);
    if (!file) return 'no_file';
    await files.reserve([file.id], 'subtraction', jobId, session);
    const subtraction: SubtractionDocument = {
      _id: input.name,
      nickname: input.nickname,
      ready: false,
      is_host: true,
      file: { id: file.id, name: file.name },
      user: { id: input.userId },
      job: { id: jobId },
    };
    await subtractions.insertOne(subtraction, { session });
    const job = await jobs.insert(
      {
        _id: jobId,
        task: 'create_subtraction',
        args: { subtraction_id: input.name, file_id: file.id },
        ...input.cost,
        userId: input.userId,
      },
      session,
    );
    return { subtraction, job };
  };

  return {
    collection: subtractions,

    get: (name: string) => subtractions.findOne({ _id: name }),

    /** Names of all subtractions. */
    async names(): Promise<string[]> {
      const all = await subtractions.find({}).project<Stored>({ _id: 1 }).sort({ _id: 1 }).toArray();
      return all.map(({ _id }) => _id);
    },

    /** One page of subtractions by name; the term is looked for in names. */
    list(search: SubtractionSearch, request: PageRequest): Promise<Page<SubtractionListItem>> {
      const conditions = [
        ...(search.ready === undefined ? [] : [{ ready: search.ready }]),
        ...(search.isHost === undefined ? [] : [{ is_host: search.isHost }]),
        ...(search.find ? [searchFilter(['_id'], search.find)] : []),
      ] as Filter<SubtractionDocument>[];
      return findPage(
        subtractions,
        {
          search: conditions.length > 0 ? { $and: conditions } : undefined,
          sort: { _id: 1 },
          projection: SUBTRACTION_PROJECTION,
        },
        request,
      ) as Promise<Page<SubtractionListItem>>;
    },

    /** How many hosts there are, and how many of them can be used. */
    async countHosts(): Promise<{ all: number; ready: number }> {
      const [all, ready] = await Promise.all([
        subtractions.countDocuments({ is_host: true }),
        subtractions.countDocuments({ is_host: true, ready: true }),
      ]);
      return { all, ready };
    },

    /** Inserts an unready subtraction and its waiting job, and takes the upload. */
    create: (
      input: NewSubtraction,
    ): Promise<{ subtraction: SubtractionDocument; job: JobDocument } | SubtractionRefusal> =>
      insertWithFreshId((jobId) =>
        inSharedTransaction(database, 'subtractions', (session) => insertWithJob(input, jobId, session)),
      ),

    /** Changes the nickname; null when there is no such subtraction. */
    setNickname: (name: string, nickname: string) =>
      subtractions.findOneAndUpdate({ _id: name }, { $set: { nickname } }, { returnDocument: 'after' }),

    /** Whether samples can use it as their host. */
    async isReadyHost(name: string, session?: ClientSession): Promise<boolean> {
      const filter = { _id: name, ready: true, is_host: true };
      return (await subtractions.countDocuments(filter, { limit: 1, ...(session ? { session } : {}) })) === 1;
    },

    /** Stores what the job found out; false when the subtraction is gone. */
    async setStats(
      name: string,
      { gc, count, notes = [] }: { gc: NucleotideFractions; count: number; notes?: string[] },
    ): Promise<boolean> {
      // A second try finds the file as the first one left it, and nothing to note.
      const noted = notes.length > 0 ? { notes } : {};
      const result = await subtractions.updateOne({ _id: name }, { $set: { gc, count, ...noted } });
      return result.matchedCount === 1;
    },

    /** Makes it ready, in the transaction that completes its job; false when it is gone. */
    async publish(name: string, session?: ClientSession): Promise<boolean> {
      const result = await subtractions.updateOne({ _id: name }, { $set: { ready: true } }, session ? { session } : {});
      return result.matchedCount === 1;
    },

    /** Removes what the job made, unless it became ready; false when that is so or nothing is left of it. */
    async removeUnready(name: string, jobId: string, session?: ClientSession): Promise<boolean> {
      const filter = { _id: name, 'job.id': jobId, ready: false };
      const result = await subtractions.deleteOne(filter, session ? { session } : {});
      return result.deletedCount === 1;
    },

    /** Removes a subtraction that no sample uses and no job makes. Its folder is to be removed after that. */
    removeUnused(name: string): Promise<'removed' | RemovalRefusal> {
      return database.transaction(async (session) => {
        await holdLock(database, 'samples', session);
        if (await samples.countDocuments({ 'subtraction.id': name }, { limit: 1, session })) return 'linked';
        const subtraction = await subtractions.findOne({ _id: name }, { session, projection: { job: 1 } });
        if (!subtraction) return 'not_found';
        const running = { _id: subtraction.job.id, 'status.state': { $nin: [...FINAL_STATES] } };
        if (await jobs.collection.countDocuments(running as Filter<JobDocument>, { limit: 1, session }))
          return 'running';
        await subtractions.deleteOne({ _id: name }, { session });
        return 'removed';
      });
    },
  };
}
