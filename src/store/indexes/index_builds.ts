import type { ClientSession, Collection, Filter } from 'mongodb';
import type { Cost } from '../../contracts/jobs.js';
import type { Database, Stored } from '../database/database.js';
import { isDuplicate, randomId } from '../database/ids.js';
import { holdLock } from '../database/locks.js';
import { type HistoryDocument, type HistoryStore, UNBUILT } from '../history/history.js';
import { type OtuAtVersion, type OtuVersionStore, versionKey } from '../history/otu_versions.js';
import type { JobDocument, JobStore } from '../jobs.js';
import type { JoinedOtu, OtuStore } from '../otus/otus.js';

/** An index as stored: which version of every OTU of a reference it holds. */
export type IndexDocument = Stored & {
  /** From 0, per reference; that of a failed build is used again. */
  version: number;
  created_at: Date;
  /** OTU id to version. */
  manifest: Record<string, number>;
  ready: boolean;
  /** Whether its files are kept; only the newest index and those that analyses still use have them. */
  has_files: boolean;
  job: { id: string };
  reference: { id: string };
  user: { id: string };
  /** Sequence id to OTU id, of all isolates; written by the job. */
  sequence_otu_map?: Record<string, string>;
};

/** An OTU of an index cannot be rebuilt, as something of its history is missing. */
export class OtuLost extends Error {
  override name = 'OtuLost';
}

/** Why an index build cannot start. */
export type BuildRefusal = 'in_progress' | 'unverified' | 'no_changes' | 'no_otus';

/** A started build, or why there is none. */
export type BuildOutcome = { ok: true; index: IndexDocument; job: JobDocument } | { ok: false; reason: BuildRefusal };

/** Who builds which reference with which limits of the job: cores and GiB. */
export type BuildRequest = { referenceId: string; userId: string; cost: Cost };

type AnalysisOfIndex = Stored & { ready: boolean; reference: { id: string }; index: { id: string } };

const BATCH = 500;
const MAXIMUM_TRIES = 8;

/** Starts, publishes and discards index builds, and gives the OTUs that go into one. */
export function createIndexBuildStore(
  database: Database,
  stores: { jobs: JobStore; otus: OtuStore; history: HistoryStore; otuVersions: OtuVersionStore },
) {
  const indexes = database.collection<IndexDocument>('indexes');
  const analyses = database.collection<AnalysisOfIndex>('analyses');
  const otus = stores.otus.collection;
  const history = stores.history.collection;

  const refusal = async (referenceId: string, session: ClientSession): Promise<BuildRefusal | undefined> => {
    const one = { session, projection: { _id: 1 } };
    if (await indexes.findOne({ 'reference.id': referenceId, ready: false }, one)) return 'in_progress';
    if (await otus.findOne({ 'reference.id': referenceId, verified: false }, one)) return 'unverified';
    if (!(await history.findOne({ 'reference.id': referenceId, 'index.id': UNBUILT.id }, one))) return 'no_changes';
    if (!(await otus.findOne({ 'reference.id': referenceId }, one))) return 'no_otus';
    return undefined;
  };

  const createOnce = (request: BuildRequest, indexId: string, jobId: string): Promise<BuildOutcome> =>
    database.transaction(async (session) => {
      const { referenceId, userId } = request;
      const reason = await refusal(referenceId, session);
      if (reason) return { ok: false, reason };
      const manifest = await stores.otus.manifest(referenceId, session);
      const index: IndexDocument = {
        _id: indexId,
        version: await indexes.countDocuments({ 'reference.id': referenceId, ready: true }, { session }),
        created_at: new Date(),
        manifest,
        has_files: true,
        ready: false,
        job: { id: jobId },
        reference: { id: referenceId },
        user: { id: userId },
      };
      await indexes.insertOne(index, { session });
      await tagChanges(history, index, session);
      const args = { ref_id: referenceId, user_id: userId, index_id: indexId, index_version: index.version, manifest };
      const job = { _id: jobId, task: 'build_index', args, ...request.cost, userId };
      return { ok: true, index, job: await stores.jobs.insert(job, session) };
    });

  const activeIndexIds = async (referenceId: string, session?: ClientSession): Promise<string[]> => {
    const options = session ? { session } : {};
    const newest = await indexes.findOne(
      { 'reference.id': referenceId, ready: true },
      { ...options, projection: { _id: 1 }, sort: { version: -1 } },
    );
    const building = await indexes
      .find({ 'reference.id': referenceId, ready: false }, options)
      .project<Stored>({ _id: 1 })
      .toArray();
    const used = await analyses
      .find({ 'reference.id': referenceId, ready: false }, options)
      .project<Pick<AnalysisOfIndex, 'index'>>({ index: 1 })
      .toArray();
    const ids = [newest?._id, ...building.map((index) => index._id), ...used.map(({ index }) => index.id)];
    return [...new Set(ids.filter((id) => id !== undefined))].sort();
  };

  return {
    collection: indexes,

    get: (indexId: string) => indexes.findOne({ _id: indexId }),

    /**
     * Starts a build in one transaction: index with the current version of every OTU, the changes up to those versions
     * tagged with it, and its waiting job. Of two requests at once one is refused.
     */
    async create(request: BuildRequest): Promise<BuildOutcome> {
      for (let tries = 1; ; tries += 1) {
        try {
          return await createOnce(request, randomId(), randomId());
        } catch (error) {
          if (isDuplicate(error, 'version')) return { ok: false, reason: 'in_progress' };
          if (tries >= MAXIMUM_TRIES || !isDuplicate(error, '_id')) throw error;
        }
      }
    },

    /**
     * The OTUs of an index as they were at its versions, by OTU id; those removed since are rebuilt from history.
     *
     * @throws OtuLost when an OTU cannot be rebuilt, Error when there is no such index.
     */
    async *otusOfManifest(indexId: string): AsyncGenerator<JoinedOtu> {
      const index = await indexes.findOne({ _id: indexId }, { projection: { manifest: 1 } });
      if (!index) throw new Error(`There is no index ${indexId}`);
      const wanted = Object.entries(index.manifest).map(([id, version]): OtuAtVersion => ({ id, version }));
      wanted.sort((a, b) => (a.id < b.id ? -1 : 1));
      for (let start = 0; start < wanted.length; start += BATCH) {
        const batch = wanted.slice(start, start + BATCH);
        const found = await stores.otuVersions.getOtusAtVersions(batch);
        for (const pair of batch) {
          const otu = found.get(versionKey(pair));
          if (!otu) throw new OtuLost(`OTU ${pair.id} cannot be rebuilt as it was at version ${pair.version}`);
          yield otu;
        }
      }
    },

    /** Stores which OTU each sequence belongs to; false when the index is gone. */
    async setSequenceOtuMap(indexId: string, map: Record<string, string>): Promise<boolean> {
      const result = await indexes.updateOne({ _id: indexId }, { $set: { sequence_otu_map: map } });
      return result.matchedCount === 1;
    },

    /**
     * Makes a built index the current one, in the caller's transaction: ready, its OTUs marked as indexed at its versions,
     * former indexes of the reference without files but for those that unfinished analyses use. False when it is gone.
     */
    async publish(indexId: string, session: ClientSession): Promise<boolean> {
      // An analysis that begins at this moment with a former index would else find no files.
      await holdLock(database, 'analyses', session);
      const index = await indexes.findOneAndUpdate(
        { _id: indexId },
        { $set: { ready: true } },
        { session, projection: { manifest: 1, reference: 1 }, returnDocument: 'after' },
      );
      if (!index) return false;
      const active = await activeIndexIds(index.reference.id, session);
      await indexes.updateMany(
        { 'reference.id': index.reference.id, has_files: true, _id: { $nin: [...active, indexId] } },
        { $set: { has_files: false } },
        { session },
      );
      for (const [version, ids] of groupByVersion(index.manifest)) {
        await otus.updateMany(
          { _id: { $in: ids }, last_indexed_version: { $ne: version } },
          { $set: { last_indexed_version: version } },
          { session },
        );
      }
      return true;
    },

    /** Removes an unfinished index; its changes are unbuilt again. False when it is ready or gone: nothing is changed. */
    discard(indexId: string): Promise<boolean> {
      return database.transaction(async (session) => {
        const { deletedCount } = await indexes.deleteOne({ _id: indexId, ready: false }, { session });
        if (deletedCount === 0) return false;
        await history.updateMany({ 'index.id': indexId }, { $set: { index: { ...UNBUILT } } }, { session });
        return true;
      });
    },

    /** Ids of the indexes whose files are needed: the newest ready one, those being built, those of unfinished analyses. */
    activeIndexIds,
  };
}

/** Tags the unbuilt changes that the manifest includes: an edit that came later stays unbuilt. */
async function tagChanges(
  history: Collection<HistoryDocument>,
  index: IndexDocument,
  session: ClientSession,
): Promise<void> {
  const unbuilt: Filter<HistoryDocument> = { 'reference.id': index.reference.id, 'index.id': UNBUILT.id };
  const changes = await history
    .find(unbuilt, { session, batchSize: 10_000 })
    .project<Pick<HistoryDocument, '_id' | 'otu'>>({ otu: 1 })
    .toArray();
  const removed = new Set(changes.filter(({ otu }) => otu.version === 'removed').map(({ otu }) => otu.id));
  const included = changes.filter(({ otu }) => {
    const version = index.manifest[otu.id];
    if (version === undefined) return removed.has(otu.id);
    return otu.version !== 'removed' && otu.version <= version;
  });
  const tag = { $set: { index: { id: index._id, version: index.version } } };
  for (let start = 0; start < included.length; start += BATCH) {
    const ids = included.slice(start, start + BATCH).map((change) => change._id);
    await history.updateMany({ _id: { $in: ids } }, tag, { session });
  }
}

function groupByVersion(manifest: Record<string, number>): Map<number, string[]> {
  const groups = new Map<number, string[]>();
  for (const [id, version] of Object.entries(manifest)) {
    const ids = groups.get(version);
    if (ids) ids.push(id);
    else groups.set(version, [id]);
  }
  return groups;
}
