import type { ClientSession, Filter } from 'mongodb';
import type { Database, Stored } from './database/database.js';
import { insertWithFreshId, randomId } from './database/ids.js';
import { fields, findKeptPage, type Page, type PageRequest } from './database/pages.js';

/** The kinds of files that can be uploaded. */
export const FILE_TYPES = ['reference', 'reads', 'hmm', 'subtraction'] as const;
export type FileType = (typeof FILE_TYPES)[number];

/** What can be uploaded to take the place of reads of a sample; such a file is taken from the beginning. */
export const REPLACEMENT_TYPE = 'sample_replacement';

/** A file as stored: `<8 characters>-<name>` is its id and its name on disk. */
export type FileDocument = Stored & {
  name: string;
  /** One of {@link FILE_TYPES}; databases of old releases know others. */
  type: string;
  /** Null when it was picked up from the watch folder. */
  user: { id: string } | null;
  uploaded_at: Date;
  expires_at: Date | null;
  /** Seen on disk under its final name. */
  created: boolean;
  /** Taken by a job or a sample. */
  reserved: boolean;
  /** The job that has taken it; absent when it is free, and where an old release has taken it. */
  reserved_by?: string;
  /** Whole, and free to be used. */
  ready: boolean;
  /** Bytes; once ready. */
  size?: number;
  /** What the watch folder's file looked like that it is made of; until it is ready. */
  source?: { size: number; mtime_ms: number; inode?: number };
};

/** A file in lists and messages. */
export type FileListItem = Pick<
  FileDocument,
  '_id' | 'name' | 'size' | 'user' | 'uploaded_at' | 'type' | 'ready' | 'reserved'
>;

/** A file as its users keep it. */
export type FileRef = { id: string; name: string; size: number };

/** Fields that lists and messages need. */
export const FILE_PROJECTION = fields('_id', 'name', 'size', 'user', 'uploaded_at', 'type', 'ready', 'reserved');

/** Projection of what decides who may see a file. */
export const FILE_ACCESS = fields('user', 'reserved', 'reserved_by');

// Conditions such as `$exists`, `$type` and `$nin` keep some servers from using an index at all, so what schedules look for is asked for
// by equality, and the rest looked at here.

const FREE = { ready: true, reserved: false };

/** Access to the collection `files`. */
export type FileStore = ReturnType<typeof createFileStore>;

/** Reads and conditional writes of files. What lies on disk is the caller's. */
export function createFileStore(database: Database) {
  const files = database.collection<FileDocument>('files');

  return {
    collection: files,

    get: (fileId: string) => files.findOne({ _id: fileId }),

    /** One page of the files that can be used, newest first. */
    list(type: string | undefined, request: PageRequest): Promise<Page<FileListItem>> {
      const base: Filter<FileDocument> = type === undefined ? FREE : { ...FREE, type };
      const sort = { uploaded_at: -1, _id: 1 } as const;
      const query = { kept: database.kept.of('files'), base, sort, projection: FILE_PROJECTION };
      return findKeptPage(files, query, request) as Promise<Page<FileListItem>>;
    },

    /** Inserts a file whose bytes are still to come; `source` when they come from the watch folder. */
    insert(file: {
      name: string;
      type: FileType | typeof REPLACEMENT_TYPE;
      userId: string | null;
      source?: { size: number; mtime_ms: number; inode?: number };
    }): Promise<FileDocument> {
      return insertWithFreshId(
        async (id) => {
          const document: FileDocument = {
            _id: id,
            name: file.name,
            type: file.type,
            user: file.userId === null ? null : { id: file.userId },
            uploaded_at: new Date(),
            expires_at: null,
            created: false,
            reserved: file.type === REPLACEMENT_TYPE,
            ready: false,
            ...(file.source ? { source: file.source } : {}),
          };
          await files.insertOne(document);
          return document;
        },
        () => `${randomId()}-${file.name}`,
      );
    },

    /** Makes a file ready whose bytes are all on disk; false when its document is gone. */
    async publish(fileId: string, size: number, session?: ClientSession): Promise<boolean> {
      const whole = { $set: { created: true, ready: true, size }, $unset: { source: '' as const } };
      const result = await files.updateOne({ _id: fileId }, whole, session ? { session } : {});
      return result.matchedCount === 1;
    },

    /** The files among these that are whole, free and of the type, in the order of the ids. */
    async findFree(fileIds: readonly string[], type: FileType, session?: ClientSession): Promise<FileRef[]> {
      const found = await files
        .find({ ...FREE, _id: { $in: [...fileIds] }, type }, session ? { session } : {})
        .project<Stored & FileRef>({ name: 1, size: 1 })
        .toArray();
      const byId = new Map(found.map(({ _id, name, size }) => [_id, { id: _id, name, size }]));
      return [...new Set(fileIds)].flatMap((id) => byId.get(id) ?? []);
    },

    /**
     * Takes free files for a job in the caller's transaction.
     *
     * @throws Error, so that none of them stays taken, when one is missing, not whole, of another type or taken.
     */
    async reserve(fileIds: readonly string[], type: FileType, jobId: string, session: ClientSession): Promise<void> {
      const wanted = { ...FREE, _id: { $in: [...fileIds] }, type };
      const result = await files.updateMany(wanted, { $set: { reserved: true, reserved_by: jobId } }, { session });
      if (result.matchedCount !== fileIds.length)
        throw new Error(`Not all of these files are free: ${fileIds.join(', ')}`);
    },

    /** Gives back files of a job; what is gone, or taken by another job by now, is passed over. */
    release: (fileIds: readonly string[], jobId: string, session?: ClientSession) =>
      giveBack({ _id: { $in: [...fileIds] }, reserved_by: { $in: [jobId, null] } } as Filter<FileDocument>, session),

    /** Gives files back, whoever has taken them. */
    releaseFromAll: (fileIds: readonly string[], session?: ClientSession) =>
      giveBack({ _id: { $in: [...fileIds] } }, session),

    /** Gives back all that these jobs have taken; how many files. */
    releaseAllOf: (jobIds: readonly string[]) => giveBack({ reserved_by: { $in: [...jobIds] } }),

    /** Ids of the jobs that have taken files. */
    async holders(): Promise<string[]> {
      const taken = files.find({ reserved: true });
      const found = await taken.project<Pick<FileDocument, 'reserved_by'>>({ reserved_by: 1 }).toArray();
      return [...new Set(found.map((file) => file.reserved_by).filter((jobId) => typeof jobId === 'string'))];
    },

    /** Removes files, reserved or not; those that are gone are passed over. */
    async remove(fileIds: readonly string[], session?: ClientSession): Promise<void> {
      await files.deleteMany({ _id: { $in: [...fileIds] } }, session ? { session } : {});
    },

    /** Removes a file that nothing has taken; false when it is gone or taken. */
    async removeFree(fileId: string): Promise<boolean> {
      const result = await files.deleteOne({ _id: fileId, reserved: false });
      return result.deletedCount === 1;
    },

    /** Ids of the files, not taken, whose time is over. */
    async expired(now: Date): Promise<string[]> {
      const over = files.find({ expires_at: { $lt: now } });
      const found = await over.project<Pick<FileDocument, '_id' | 'reserved'>>({ reserved: 1 }).toArray();
      return found.filter(({ reserved }) => reserved === false).map(({ _id }) => _id);
    },

    /** Ids of the uploads that were announced before `before` and never became whole. */
    async unfinished(before: Date): Promise<string[]> {
      const announced = files.find({ created: false, uploaded_at: { $lt: before } });
      const found = await announced.project<Pick<FileDocument, '_id' | 'source'>>({ source: 1 }).toArray();
      return found.filter(({ source }) => !source).map(({ _id }) => _id);
    },

    /** Files that were on their way from the watch folder when something stopped. */
    async arriving(): Promise<Required<Pick<FileDocument, '_id' | 'name' | 'source'>>[]> {
      const coming = files.find({ created: false });
      const found = await coming
        .project<Pick<FileDocument, '_id' | 'name' | 'source'>>(fields('name', 'source'))
        .toArray();
      return found.flatMap(({ _id, name, source }) => (source ? [{ _id, name, source }] : []));
    },

    /** Ids of the files that were seen on disk. */
    onDisk: () => idsOf({ created: true }),

    /** Removes the documents of files that were on disk and are there no more. */
    async removeLost(fileIds: readonly string[]): Promise<void> {
      await files.deleteMany({ _id: { $in: [...fileIds] }, created: true });
    },

    /** Those of the ids that no file has, in the given order. */
    async unknown(fileIds: readonly string[]): Promise<string[]> {
      const known = new Set(await idsOf({ _id: { $in: [...fileIds] } }));
      return fileIds.filter((id) => !known.has(id));
    },
  };

  async function giveBack(filter: Filter<FileDocument>, session?: ClientSession): Promise<number> {
    const free = { $set: { reserved: false }, $unset: { reserved_by: '' as const } };
    const result = await files.updateMany({ ...filter, reserved: true }, free, session ? { session } : {});
    return result.modifiedCount;
  }

  async function idsOf(filter: Filter<FileDocument>): Promise<string[]> {
    const found = await files.find(filter).project<Stored>({ _id: 1 }).toArray();
    return found.map(({ _id }) => _id);
  }
}
