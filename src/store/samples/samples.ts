import type { ClientSession, Filter } from 'mongodb';
import type { Pairing, PhredOffset, SamplePhred, Warning } from '../../contracts/reads.js';
import type { AnalysisStore } from '../analyses.js';
import type { CacheStore } from '../caches.js';
import type { Database, Stored } from '../database/database.js';
import { insertWithFreshId, randomId } from '../database/ids.js';
import { holdLock, inSharedTransaction } from '../database/locks.js';
import { fields, findKeptPage, type Page, type PageRequest } from '../database/pages.js';
import type { FileRef, FileStore } from '../files.js';
import { hasEnded, type JobDocument, type JobStore } from '../jobs.js';
import type { SubtractionStore } from '../subtractions.js';
import { replacementIds, type SampleFile } from './sample_files.js';
import {
  type RightsHolder,
  readFilter,
  readFilters,
  SAMPLE_RIGHTS_FIELDS,
  type SampleRights,
} from './sample_rights.js';

/** State of one kind of analysis of a sample: none, in progress, at least one finished. */
export type AlgorithmTag = false | 'ip' | true;

/** What was found in a sample's reads; absent in samples of older releases. */
export type ReadsFacts = {
  phred: SamplePhred;
  /** In paired samples. */
  pairing?: Pairing;
  /** Whether in each file the first words of all names, cut at 255 characters, are different. */
  unique_names: boolean;
  warnings: Warning[];
  /** What was changed in the reads, a sentence each. */
  notes: string[];
};

/** A sample as stored. */
export type SampleDocument = Stored &
  SampleRights &
  Partial<ReadsFacts> & {
    name: string;
    host?: string;
    isolate?: string;
    locale?: string;
    /** Small-RNA library; missing in samples of old releases. */
    srna?: boolean;
    paired: boolean;
    /** The uploads until they were copied. */
    files: (FileRef | SampleFile)[];
    format: 'fastq';
    /** `ip` (in progress) while its job runs. */
    imported: 'ip' | boolean;
    quality: Record<string, unknown> | null;
    /** What a job found out; it takes its place in the document when the job is complete. Nobody is shown it. */
    staged?: ReadsFacts & { quality: Record<string, unknown> };
    subtraction: { id: string };
    pathoscope: AlgorithmTag;
    nuvs: AlgorithmTag;
    created_at: Date;
    analyzed: boolean;
    hold: boolean;
    archived: boolean;
    /** The job that replaces the reads. */
    update_job?: { id: string };
    /** The replaced files are still there. */
    prune?: boolean;
  };

/** A sample in lists. */
export type SampleListItem = Pick<
  SampleDocument,
  '_id' | 'name' | 'host' | 'isolate' | 'created_at' | 'user' | 'imported' | 'archived' | 'pathoscope' | 'nuvs'
>;

/** Free text that describes a sample; absent when it was not given. */
export type SampleDescription = {
  name: string;
  host?: string | undefined;
  isolate?: string | undefined;
  locale?: string | undefined;
};

/** Changes of what describes a sample; what is absent stays. */
export type SampleChanges = Omit<SampleDescription, 'name'> & { name?: string | undefined };

/** How the qualities of a sample's reads are read, and what its quality is then. */
export type SampleReading = { phred: SamplePhred; quality: Record<string, unknown> };

/** Changes of a sample's rights; what is absent stays. */
export type SampleRightsChanges = { [Field in Exclude<keyof SampleRights, 'user'>]?: SampleRights[Field] | undefined };

/** What it takes to start a sample. */
export type NewSample = SampleDescription & {
  srna: boolean;
  subtraction: string;
  /** Ids of one upload or two: left, right. */
  files: string[];
  phred_offset: PhredOffset | null;
  pairing: Pairing;
  uniqueNames: boolean;
};

/** What a new sample takes from its maker and the settings. */
export type NewSampleOwner = SampleRights & {
  /** Limits of its job, fixed now: cores and GiB. */
  cost: { proc: number; mem: number };
};

/** Why a sample cannot be created, in the order in which it is looked at. */
export type SampleRefusal = 'name_taken' | 'no_subtraction' | 'no_file';

/** Which samples a list is about. No values for an algorithm: its tag does not matter. */
export type SampleSearch = { find?: string | undefined; pathoscope: AlgorithmTag[]; nuvs: AlgorithmTag[] };

const LIST_FIELDS = [
  '_id',
  'name',
  'host',
  'isolate',
  'created_at',
  'user',
  'imported',
  'archived',
  'pathoscope',
  'nuvs',
];

/** Fields of lists and of answers to edits. */
const SAMPLE_LIST_PROJECTION = fields(...LIST_FIELDS);

/** Fields of messages: those of lists and the rights. */
export const SAMPLE_PROJECTION = fields(...LIST_FIELDS, ...SAMPLE_RIGHTS_FIELDS);

const RIGHTS = { ...fields(...SAMPLE_RIGHTS_FIELDS), _id: 0 };

/** The stores that samples need: what they are made of and what goes with them. */
export type SampleStoreNeeds = {
  jobs: JobStore;
  files: FileStore;
  subtractions: SubtractionStore;
  analyses: AnalysisStore;
  caches: CacheStore;
};

/** Reads and conditional writes of samples. Their folders are the caller's. */
export function createSampleStore(database: Database, needs: SampleStoreNeeds) {
  const { jobs, files, subtractions, analyses, caches } = needs;
  const samples = database.collection<SampleDocument>('samples');

  const isNameTaken = async (name: string, exceptId: string | undefined, session?: ClientSession): Promise<boolean> => {
    const filter: Filter<SampleDocument> = exceptId === undefined ? { name } : { name, _id: { $ne: exceptId } };
    return (await samples.countDocuments(filter, { limit: 1, ...(session ? { session } : {}) })) > 0;
  };

  const findUploads = async (input: NewSample, session?: ClientSession): Promise<FileRef[] | SampleRefusal> => {
    if (input.uniqueNames && (await isNameTaken(input.name, undefined, session))) return 'name_taken';
    if (!(await subtractions.isReadyHost(input.subtraction, session))) return 'no_subtraction';
    const found = await files.findFree(input.files, 'reads', session);
    return found.length === input.files.length ? found : 'no_file';
  };

  const unfinishedJobs = async (sampleId: string, session?: ClientSession): Promise<string[]> => {
    const found = await jobs.collection
      .find({ 'args.sample_id': sampleId }, session ? { session } : {})
      .project<Pick<JobDocument, '_id' | 'status'>>({ 'status.state': 1 })
      .toArray();
    return found.filter((job) => !hasEnded(job)).map(({ _id }) => _id);
  };

  const insertWithJob = async (
    ids: { sample: string; job: string },
    input: NewSample,
    owner: NewSampleOwner,
    session: ClientSession,
  ): Promise<{ sample: SampleDocument; job: JobDocument } | SampleRefusal> => {
    const uploads = await findUploads(input, session);
    if (typeof uploads === 'string') return uploads;
    await files.reserve(input.files, 'reads', ids.job, session);
    const sample = newDocument(ids.sample, input, owner, uploads);
    await samples.insertOne(sample, { session });
    const job = await jobs.insert(newJob(ids, input, owner, uploads), session);
    return { sample, job };
  };

  return {
    collection: samples,

    get: (sampleId: string) => samples.findOne({ _id: sampleId }),

    /** One page of the samples that the holder may read, newest first; the term is looked for in names, hosts and user ids. */
    list(holder: RightsHolder, search: SampleSearch, request: PageRequest): Promise<Page<SampleListItem>> {
      const tags = [
        ...(search.pathoscope.length > 0 ? [{ pathoscope: { $in: search.pathoscope } }] : []),
        ...(search.nuvs.length > 0 ? [{ nuvs: { $in: search.nuvs } }] : []),
      ];
      return findKeptPage(
        samples,
        {
          kept: database.kept.of('samples'),
          find: search.find,
          base: readFilters(holder) as Filter<SampleDocument>[],
          search: tags.length > 0 ? ({ $or: tags } as Filter<SampleDocument>) : undefined,
          sort: { created_at: -1, _id: 1 },
          projection: SAMPLE_LIST_PROJECTION,
        },
        request,
      ) as Promise<Page<SampleListItem>>;
    },

    /** The first reason why the sample cannot be created now, if any. */
    async findProblem(input: NewSample): Promise<SampleRefusal | undefined> {
      const found = await findUploads(input);
      return typeof found === 'string' ? found : undefined;
    },

    /** Inserts a sample in progress and its waiting job, and takes the uploads: all of it or nothing. */
    create: (
      input: NewSample,
      owner: NewSampleOwner,
    ): Promise<{ sample: SampleDocument; job: JobDocument } | SampleRefusal> =>
      insertWithFreshId((sampleId) => {
        const ids = { sample: sampleId, job: randomId() };
        return inSharedTransaction(database, 'samples', (session) => insertWithJob(ids, input, owner, session));
      }),

    /**
     * Changes what was given, also how its qualities are read, but that not while a job of the sample is under way; null when the
     * sample is gone.
     */
    update(
      sampleId: string,
      changes: SampleChanges,
      uniqueNames: boolean,
      reading?: SampleReading,
    ): Promise<SampleListItem | 'name_taken' | 'in_use' | null> {
      const name = uniqueNames ? changes.name : undefined;
      if (name === undefined && reading === undefined) return change(sampleId, changes);
      return database.transaction(async (session) => {
        await holdLock(database, 'samples', session);
        if (name !== undefined && (await isNameTaken(name, sampleId, session))) return 'name_taken';
        if (reading === undefined) return change(sampleId, changes, session);
        // No analysis may begin meanwhile.
        await holdLock(database, 'analyses', session);
        if ((await unfinishedJobs(sampleId, session)).length > 0) return 'in_use';
        const { phred, quality } = reading;
        await samples.updateOne({ _id: sampleId }, { $set: { phred, quality } }, { session });
        return change(sampleId, changes, session);
      });
    },

    /** Changes the rights that were given; null when the sample is gone. */
    setRights(sampleId: string, changes: SampleRightsChanges): Promise<SampleRights | null> {
      const $set = given(changes);
      return Object.keys($set).length === 0
        ? samples.findOne({ _id: sampleId }, { projection: RIGHTS })
        : samples.findOneAndUpdate({ _id: sampleId }, { $set }, { returnDocument: 'after', projection: RIGHTS });
    },

    /** Samples that use a subtraction, as far as the holder may read them. */
    async linkedTo(subtraction: string, holder: RightsHolder): Promise<{ id: string; name: string }[]> {
      const linked = await samples
        .find({ 'subtraction.id': subtraction, ...readFilter(holder) } as Filter<SampleDocument>)
        .project<Pick<SampleDocument, '_id' | 'name'>>({ name: 1 })
        .sort({ created_at: 1, _id: 1 })
        .toArray();
      return linked.map(({ _id, name }) => ({ id: _id, name }));
    },

    /** Ids of the jobs that make or analyse a sample and have not ended. */
    unfinishedJobs: (sampleId: string) => unfinishedJobs(sampleId),

    /** Stores the copied reads files; false when the sample is gone. */
    async setFiles(sampleId: string, copied: SampleFile[]): Promise<boolean> {
      const result = await samples.updateOne({ _id: sampleId }, { $set: { files: copied } });
      return result.matchedCount === 1;
    },

    /** Keeps the quality of the reads and what was found in them for {@link publish}, unseen; false when the sample is gone. */
    async stageQuality(sampleId: string, quality: Record<string, unknown>, facts: ReadsFacts): Promise<boolean> {
      const result = await samples.updateOne({ _id: sampleId }, { $set: { staged: { quality, ...facts } } });
      return result.matchedCount === 1;
    },

    /** Stores what was found out about the reads, unless it is known already; gives the sample as it is then, null when it is gone. */
    async noteReads(
      sampleId: string,
      found: Pick<ReadsFacts, 'phred' | 'unique_names'>,
    ): Promise<SampleDocument | null> {
      for (const [field, value] of Object.entries(found)) {
        await samples.updateOne({ _id: sampleId, [field]: null } as Filter<SampleDocument>, {
          $set: { [field]: value },
        });
      }
      return samples.findOne({ _id: sampleId });
    },

    /**
     * Gives a sample the quality that was kept; with that it can be analysed. In the transaction that completes its job. False
     * when the sample is gone or has no quality.
     */
    async publish(sampleId: string, session: ClientSession): Promise<boolean> {
      const found = await samples.findOne({ _id: sampleId }, { session, projection: { staged: 1, quality: 1 } });
      // One that has its quality got it from an older release, before the end of its job.
      if (!found || !(found.staged || found.quality)) return false;
      const change = { $set: { ...found.staged, imported: false as const }, $unset: { staged: '' as const } };
      await samples.updateOne({ _id: sampleId }, change, { session });
      return true;
    },

    /**
     * Removes a sample with its analyses, caches and uploads that were to replace its reads, or what is left of them. Gives the ids of
     * the caches, whose folders are the caller's like that of the sample, and of the uploads.
     */
    remove(sampleId: string): Promise<{ cacheIds: string[]; uploadIds: string[] }> {
      return database.transaction(async (session) => {
        const ofSample = { 'sample.id': sampleId };
        const sample = await samples.findOne({ _id: sampleId }, { session, projection: { files: 1 } });
        const uploadIds = replacementIds(sample?.files ?? []);
        await files.remove(uploadIds, session);
        const removed = await caches.collection.find(ofSample, { session }).project<Stored>({ _id: 1 }).toArray();
        await caches.collection.deleteMany(ofSample, { session });
        await analyses.removeOfSample(sampleId, session);
        await samples.deleteOne({ _id: sampleId }, { session });
        return { cacheIds: removed.map(({ _id }) => _id), uploadIds };
      });
    },
  };

  function change(sampleId: string, changes: SampleChanges, session?: ClientSession): Promise<SampleListItem | null> {
    const $set = given(changes);
    const options = { projection: SAMPLE_LIST_PROJECTION, ...(session ? { session } : {}) };
    return Object.keys($set).length === 0
      ? samples.findOne({ _id: sampleId }, options)
      : samples.findOneAndUpdate({ _id: sampleId }, { $set }, { ...options, returnDocument: 'after' });
  }
}

type Given<T> = { [Field in keyof T]?: Exclude<T[Field], undefined> };

function given<T extends object>(changes: T): Given<T> {
  return Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== undefined)) as Given<T>;
}

function newDocument(id: string, input: NewSample, owner: NewSampleOwner, uploads: FileRef[]): SampleDocument {
  const { host, isolate, locale } = input;
  return {
    _id: id,
    name: input.name,
    ...(host === undefined ? {} : { host }),
    ...(isolate === undefined ? {} : { isolate }),
    ...(locale === undefined ? {} : { locale }),
    subtraction: { id: input.subtraction },
    files: uploads,
    srna: input.srna,
    group: owner.group,
    nuvs: false,
    pathoscope: false,
    created_at: new Date(),
    format: 'fastq',
    imported: 'ip',
    quality: null,
    analyzed: false,
    hold: true,
    archived: false,
    group_read: owner.group_read,
    group_write: owner.group_write,
    all_read: owner.all_read,
    all_write: owner.all_write,
    user: owner.user,
    paired: uploads.length === 2,
  };
}

function newJob(
  ids: { sample: string; job: string },
  input: NewSample,
  owner: NewSampleOwner,
  uploads: FileRef[],
): Parameters<JobStore['insert']>[0] {
  return {
    _id: ids.job,
    task: 'create_sample',
    args: {
      ...{ sample_id: ids.sample, files: uploads, srna: input.srna },
      ...{ phred_offset: input.phred_offset, pairing: input.pairing },
    },
    ...owner.cost,
    userId: owner.user.id,
  };
}
