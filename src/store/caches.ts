import type { ClientSession } from 'mongodb';
import { isFinal } from '../contracts/jobs.js';
import type { Database, Stored } from './database/database.js';
import { insertWithFreshId, isDuplicate } from './database/ids.js';
import { fields } from './database/pages.js';
import { type JobStore, jobState } from './jobs.js';

/** Trimmed reads of a sample, kept for the next analysis. */
export type CacheDocument = Stored & {
  created_at: Date;
  files: { name: string; size: number }[];
  /** SHA-1 of the trimming parameters. */
  hash: string;
  legacy: boolean;
  paired: boolean;
  parameters: Record<string, unknown>;
  program: string;
  ready: boolean;
  sample: { id: string };
  quality?: Record<string, unknown> | null;
  /** Sample, program, hash and rule in one text, unique; caches of old releases have none, or one without the rule. Internal. */
  key?: string;
  /** What the trimming left. Internal. */
  counts?: TrimmedCounts;
  /** The job that makes it. Internal. */
  job?: { id: string };
};

/** How many reads went into a trimming and what became of them; mates count singly. */
export type TrimmedCounts = {
  total: number;
  /** Reads that the trimming left. */
  left: number;
  /** Those of them that the aligner leaves aside, as too many of their bases are unknown. */
  unknown: number;
};

/** A cache as users see it. */
export type PublicCache = Omit<CacheDocument, 'key' | 'counts' | 'job'>;

/** Which trimming is wanted, and for which job. */
export type CacheClaim = {
  jobId: string;
  sampleId: string;
  program: string;
  hash: string;
  parameters: Record<string, unknown>;
  /** What decides about trimmed reads beside the parameters, such as the offset of the qualities. */
  rule: string;
  paired: boolean;
  /** The reads came trimmed, before release 3.4. */
  legacy?: boolean;
};

/**
 * How a claim ends: `ready` can be used, `claimed` is the caller's to make (also when it claimed it before), `taken` is being
 * made by another job: ask again later.
 */
export type ClaimOutcome = { state: 'ready' | 'claimed' | 'taken'; cache: CacheDocument };

/** Fields of messages. */
export const CACHE_PROJECTION = fields('_id', 'created_at', 'files', 'hash', 'program', 'ready', 'sample');

const PUBLIC = { key: 0, counts: 0, job: 0 };

/** Access to the collection `caches`. */
export type CacheStore = ReturnType<typeof createCacheStore>;

/** Reads and conditional writes of caches. There is one at most for a sample, program, hash and rule. */
export function createCacheStore(database: Database, jobs: JobStore) {
  const caches = database.collection<CacheDocument>('caches');

  const insertClaimed = async (claim: CacheClaim, key: string): Promise<CacheDocument | undefined> => {
    try {
      return await insertWithFreshId(async (id) => {
        const cache = newDocument(claim, id, key);
        await caches.insertOne(cache);
        return cache;
      });
    } catch (error) {
      if (isDuplicate(error, 'key')) return undefined;
      throw error;
    }
  };

  // A job that ended without cleaning up must not hold the cache for ever.
  const isOwned = async (cache: CacheDocument): Promise<boolean> => {
    const owner = cache.job ? await jobs.get(cache.job.id) : null;
    return owner !== null && !isFinal(jobState(owner));
  };

  const takeOver = async (cache: CacheDocument, jobId: string): Promise<CacheDocument | null> => {
    if (await isOwned(cache)) return null;
    return caches.findOneAndUpdate(
      { _id: cache._id, ready: false, ...(cache.job ? { 'job.id': cache.job.id } : {}) },
      { $set: { job: { id: jobId } } },
      { returnDocument: 'after' },
    );
  };

  return {
    collection: caches,

    /** A cache as users see it. */
    get: (cacheId: string) => caches.findOne<PublicCache>({ _id: cacheId }, { projection: PUBLIC }),

    /** All caches of a sample as users see them, oldest first. */
    ofSample: (sampleId: string) =>
      caches.find({ 'sample.id': sampleId }).project<PublicCache>(PUBLIC).sort({ created_at: 1, _id: 1 }).toArray(),

    /** Claims the cache for these parameters for a job, unless it is there or another job is making it. */
    async claim(claim: CacheClaim): Promise<ClaimOutcome> {
      const key = [claim.sampleId, claim.program, claim.hash, claim.rule].join(' ');
      for (;;) {
        const cache = (await caches.findOne({ key })) ?? (await insertClaimed(claim, key));
        if (!cache) continue;
        if (cache.ready) return { state: 'ready', cache };
        if (cache.job?.id === claim.jobId) return { state: 'claimed', cache };
        const taken = await takeOver(cache, claim.jobId);
        return taken ? { state: 'claimed', cache: taken } : { state: 'taken', cache };
      }
    },

    /** Whether an unfinished job is still making this cache. */
    async isBeingMade(cacheId: string): Promise<boolean> {
      const cache = await caches.findOne({ _id: cacheId });
      return cache !== null && !cache.ready && (await isOwned(cache));
    },

    /** Makes a cache ready; false when it is gone. Twice counts once. */
    async publish(
      cacheId: string,
      quality: Record<string, unknown>,
      files: { name: string; size: number }[],
      counts?: TrimmedCounts,
    ): Promise<boolean> {
      const $set = { quality, files, ready: true, ...(counts ? { counts } : {}) };
      const result = await caches.updateOne({ _id: cacheId }, { $set });
      return result.matchedCount === 1;
    },

    /** Notes what a cache holds that becomes ready only with the end of the job that makes it; see {@link publishOf}. */
    async describe(
      cacheId: string,
      quality: Record<string, unknown> | null,
      files: { name: string; size: number }[],
    ): Promise<void> {
      await caches.updateOne({ _id: cacheId, ready: false }, { $set: { quality, files } });
    },

    /** Makes the cache of a job ready in the transaction that completes it; gives its id, undefined when the job has made none. */
    async publishOf(jobId: string, session: ClientSession): Promise<string | undefined> {
      const options = { session, projection: { _id: 1 } };
      const made = await caches.findOneAndUpdate({ 'job.id': jobId, ready: false }, { $set: { ready: true } }, options);
      return made?._id;
    },

    /** Removes a ready cache whose files are gone, so that the next analysis makes it again. */
    async removeLost(cacheId: string): Promise<void> {
      await caches.deleteOne({ _id: cacheId, ready: true });
    },

    /** Removes the caches that the job claimed and never made ready; gives their ids, whose folders are the caller's. */
    async removeUnready(jobId: string): Promise<string[]> {
      const ids: string[] = [];
      for (;;) {
        const removed = await caches.findOneAndDelete({ 'job.id': jobId, ready: false }, { projection: { _id: 1 } });
        if (!removed) return ids;
        ids.push(removed._id);
      }
    },
  };
}

function newDocument(claim: CacheClaim, id: string, key: string): CacheDocument {
  return {
    _id: id,
    created_at: new Date(),
    files: [],
    hash: claim.hash,
    legacy: claim.legacy ?? false,
    paired: claim.paired,
    parameters: claim.parameters,
    program: claim.program,
    ready: false,
    sample: { id: claim.sampleId },
    key,
    job: { id: claim.jobId },
  };
}
