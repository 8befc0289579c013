import type { ClientSession, Filter } from 'mongodb';
import { isFinal } from '../../contracts/jobs.js';
import type { Pairing, PhredOffset } from '../../contracts/reads.js';
import type { AnalysisDocument, AnalysisStore } from '../analyses.js';
import type { CacheStore } from '../caches.js';
import type { Database, Stored } from '../database/database.js';
import { insertWithFreshId } from '../database/ids.js';
import type { FileRef, FileStore } from '../files.js';
import { type JobDocument, type JobStore, jobState } from '../jobs.js';
import { hasRawReads, isCopied, replacementIds, type SampleFile } from './sample_files.js';
import type { SampleDocument } from './samples.js';

/** How the job of a replacement is started. */
export type ReplacementStart = {
  userId: string;
  /** Limits of the job: cores and GiB. */
  cost: { proc: number; mem: number };
  pairing: Pairing;
  phredOffset: PhredOffset | null;
};

/** Why reads cannot be replaced: the sample holds raw ones, is still being imported, or its replacement is under way. */
export type ReplacementRefusal = 'raw' | 'importing' | 'under_way';

/** A sample whose reads are to be replaced, with the job that does it as soon as every file has its replacement. */
export type StartedReplacement = { sample: SampleDocument; job?: JobDocument };

/** The stores that replacements need. */
export type ReplacementStoreNeeds = { jobs: JobStore; files: FileStore; analyses: AnalysisStore; caches: CacheStore };

/** Reads and conditional writes about the replacement of trimmed reads, which samples from before release 3.4 hold, by raw ones. What lies on disk is the caller's. */
export function createReplacementStore(database: Database, needs: ReplacementStoreNeeds) {
  const { jobs, files, analyses, caches } = needs;
  const samples = database.collection<SampleDocument>('samples');

  const refuse = async (sample: SampleDocument, session?: ClientSession): Promise<ReplacementRefusal | undefined> => {
    if (sample.imported === 'ip' || !sample.files.every(isCopied)) return 'importing';
    if (hasRawReads(sample)) return 'raw';
    return (await isUnderWay(sample, session)) ? 'under_way' : undefined;
  };

  // What an old release has left may name a job that is gone.
  const isUnderWay = async ({ update_job }: SampleDocument, session?: ClientSession): Promise<boolean> => {
    if (!update_job) return false;
    const options = { projection: { status: 1 }, ...(session ? { session } : {}) };
    const job = await jobs.collection.findOne({ _id: update_job.id }, options);
    return job !== null && !isFinal(jobState(job));
  };

  /** The uploads of a sample's replacements that are there, by id. */
  const findUploads = async (listed: readonly SampleFile[], session: ClientSession): Promise<Map<string, FileRef>> => {
    const found = files.collection.find({ _id: { $in: replacementIds(listed) }, ready: true }, { session });
    const uploads = await found.project<Stored & FileRef>({ name: 1, size: 1 }).toArray();
    return new Map(uploads.map(({ _id, name, size }) => [_id, { id: _id, name, size }]));
  };

  /** Forgets replacements that are gone, and inserts the job when every file has one. */
  const startComplete = async (
    sample: SampleDocument,
    start: ReplacementStart,
    jobId: string,
    session: ClientSession,
  ): Promise<StartedReplacement> => {
    const listed = sample.files.filter(isCopied);
    const uploads = await findUploads(listed, session);
    const current = listed.map((file) =>
      file.replacement && !uploads.has(file.replacement.id) ? { ...file, replacement: null } : file,
    );
    const replacing = current.flatMap(({ replacement }) => {
      const upload = uploads.get(replacement?.id ?? '');
      return replacement && upload ? [{ ...replacement, size: upload.size }] : [];
    });
    const isComplete = replacing.length === current.length && replacing.length > 0;
    const changes = { files: current, ...(isComplete ? { update_job: { id: jobId } } : {}) };
    await samples.updateOne({ _id: sample._id }, { $set: changes }, { session });
    const changed = { ...sample, ...changes };
    if (!isComplete) return { sample: changed };
    const args = {
      ...{ sample_id: sample._id, files: replacing, srna: sample.srna === true },
      ...{ phred_offset: start.phredOffset, pairing: start.pairing },
    };
    const job = { _id: jobId, task: 'update_sample', args, ...start.cost, userId: start.userId };
    return { sample: changed, job: await jobs.insert(job, session) };
  };

  // An analysis without a cache worked on the trimmed reads that the sample came with.
  const withoutCache = (sampleId: string, ready: boolean) =>
    ({ 'sample.id': sampleId, ready, cache: { $exists: false } }) as Filter<AnalysisDocument>;

  const setCacheOfFinished = async (sampleId: string, cacheId: string, session: ClientSession): Promise<void> => {
    const change = { $set: { cache: { id: cacheId } } };
    await analyses.collection.updateMany(withoutCache(sampleId, true), change, { session });
  };

  const within = <T>(work: (jobId: string, session: ClientSession) => Promise<T>): Promise<T> =>
    insertWithFreshId((jobId) => database.transaction((session) => work(jobId, session)));

  return {
    /** Why the reads of a sample cannot be replaced now, if so. */
    refusal: (sample: SampleDocument) => refuse(sample),

    /**
     * Makes an upload, now whole, the replacement of a reads file (by its place, from 0), and starts the job when that was the last one:
     * all of it or nothing. Gives the id of the upload that was to replace the file until now, which is gone. Null when sample or upload
     * are gone.
     */
    add(
      sampleId: string,
      place: number,
      upload: { id: string; name: string; uploaded_at: Date; size: number },
      start: ReplacementStart,
    ): Promise<(StartedReplacement & { former?: string }) | ReplacementRefusal | null> {
      return within(async (jobId, session) => {
        const sample = await samples.findOne({ _id: sampleId }, { session });
        const file = sample?.files[place];
        if (!sample || !file || !isCopied(file)) return null;
        const refusal = await refuse(sample, session);
        if (refusal) return refusal;
        const { size, ...replacement } = upload;
        if (!(await files.publish(upload.id, size, session))) return null;
        const former = file.replacement?.id;
        if (former !== undefined) await files.remove([former], session);
        const listed = sample.files.map((one, index) => (index === place ? { ...one, replacement } : one));
        const started = await startComplete({ ...sample, files: listed }, start, jobId, session);
        return { ...started, ...(former === undefined ? {} : { former }) };
      });
    },

    /**
     * Starts the job when every file has its replacement and no job is under way; forgets replacements whose upload is gone. Nothing
     * happens to a sample without replacements. Null when the sample is gone.
     */
    start(sampleId: string, start: ReplacementStart): Promise<StartedReplacement | 'raw' | null> {
      return within(async (jobId, session) => {
        const sample = await samples.findOne({ _id: sampleId }, { session });
        if (!sample) return null;
        if (replacementIds(sample.files).length === 0 || (await isUnderWay(sample, session))) return { sample };
        return hasRawReads(sample) ? 'raw' : startComplete(sample, start, jobId, session);
      });
    },

    /** The sample whose reads a job replaces; null when it is gone or the job has no say any more. */
    ofJob: (sampleId: string, jobId: string) => samples.findOne({ _id: sampleId, 'update_job.id': jobId }),

    /**
     * Lists the new files with the quality that was kept, makes the cache of the old reads ready, and gives it to the finished analyses; in
     * the transaction that completes the job. False when the sample is gone or has no quality of the new reads.
     */
    async publish(sampleId: string, jobId: string, listed: SampleFile[], session: ClientSession): Promise<boolean> {
      const sample = await samples.findOne({ _id: sampleId, 'update_job.id': jobId }, { session });
      if (!sample?.staged) return false;
      const cacheId = await caches.publishOf(jobId, session);
      if (cacheId !== undefined) await setCacheOfFinished(sampleId, cacheId, session);
      const change = { $set: { ...sample.staged, files: listed, prune: true }, $unset: { staged: '', update_job: '' } };
      await samples.updateOne({ _id: sampleId }, change as object, { session });
      return true;
    },

    /** Lets a sample stay as it was before the job: only what the job has kept in it goes. */
    async giveUp(sampleId: string, jobId: string): Promise<void> {
      const change = { $unset: { staged: '', update_job: '' } };
      await samples.updateOne({ _id: sampleId, 'update_job.id': jobId }, change as object);
    },

    /** Ids of the samples whose replaced files are still there. */
    async unpruned(): Promise<string[]> {
      const found = samples.find({ prune: true } as Filter<SampleDocument>).project<Stored>({ _id: 1 });
      return (await found.toArray()).map(({ _id }) => _id);
    },

    /** Whether an analysis may still be reading the replaced files of a sample. */
    async isReading(sampleId: string): Promise<boolean> {
      return (await analyses.collection.countDocuments(withoutCache(sampleId, false), { limit: 1 })) > 0;
    },

    /** Notes that the replaced files are gone; analyses that ended meanwhile get the cache of the old reads. */
    pruned(sampleId: string): Promise<void> {
      return database.transaction(async (session) => {
        const legacy = { 'sample.id': sampleId, legacy: true, ready: true };
        const cache = await caches.collection.findOne(legacy, { session, projection: { _id: 1 } });
        if (cache) await setCacheOfFinished(sampleId, cache._id, session);
        await samples.updateOne({ _id: sampleId }, { $unset: { prune: '' } } as object, { session });
      });
    },
  };
}
