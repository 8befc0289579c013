import type { ClientSession, Collection, Filter } from 'mongodb';
import type { IndexFiles, IndexPlace } from '../../contracts/index_files.js';
import type { Cost } from '../../contracts/jobs.js';
import type { Database, Stored } from '../database/database.js';
import { isDuplicate, randomId } from '../database/ids.js';
import { holdLock } from '../database/locks.js';
import { type HistoryDocument, type HistoryStore, UNBUILT } from '../history/history.js';
import { type OtuAtVersion, type OtuVersionStore, versionKey } from '../history/otu_versions.js';
import type { JobDocument, JobStore } from '../jobs.js';
import type { JoinedOtu, OtuDocument, OtuStore } from '../otus/otus.js';
import { createIndexContents, type Manifest, type SequenceOtuMap, type WithContents } from './index_contents.js';

/** An index as stored: which version of every OTU of a reference it holds. */
export type IndexDocument = Stored & {
  /** From 0, per reference; that of a failed build is used again. */
  version: number;
  created_at: Date;
  /** OTU id to version; `file` when it is in `manifest.json` of the index' folder, as it is large. Read it with `manifestOf`. */
  manifest: Manifest | 'file';
  ready: boolean;
  /** Whether its files are kept; only the newest index and those that analyses still use have them. */
  has_files: boolean;
  job: { id: string };
  reference: { id: string };
  user: { id: string };
  /** Sequence id to OTU id, of all isolates; written by the job. `file` as with the manifest: `sequenceOtuMapOf` reads it. */
  sequence_otu_map?: SequenceOtuMap | 'file';
};

/** An OTU of an index cannot be rebuilt, as something of its history is missing. */
export class OtuLost extends Error {
  override name = 'OtuLost';
}

/** Another index has the folder that a new one was to have. */
class FolderTaken extends Error {}

/** Why an index build cannot start. */
export type BuildRefusal = 'in_progress' | 'unverified' | 'no_changes' | 'no_otus';

/** A started build, or why there is none. */
export type BuildOutcome =
  | { ok: true; index: IndexDocument; manifest: Manifest; job: JobDocument }
  | { ok: false; reason: BuildRefusal };

/** Who builds which reference with which limits of the job: cores and GiB. */
export type BuildRequest = { referenceId: string; userId: string; cost: Cost };

type AnalysisOfIndex = Stored & { ready: boolean; reference: { id: string }; index: { id: string } };

/** What a build is made of, all read at one moment. */
type BuildState = { version: number; manifest: Manifest };

const BATCH = 500;
const IDS_PER_WRITE = 10_000;
const MAXIMUM_TRIES = 8;

/** Starts, publishes and discards index builds, and gives the OTUs that go into one. Without `files` all of an index is in its document. */
export function createIndexBuildStore(
  database: Database,
  stores: { jobs: JobStore; otus: OtuStore; history: HistoryStore; otuVersions: OtuVersionStore },
  files?: IndexFiles,
) {
  const contents = createIndexContents(files);
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

  // Apart from the transaction that writes: a manifest of megabytes goes into a file, and is not read again when that one starts again.
  const readState = (referenceId: string): Promise<BuildState | BuildRefusal> =>
    database.transaction(async (session) => {
      const reason = await refusal(referenceId, session);
      if (reason) return reason;
      const version = await indexes.countDocuments({ 'reference.id': referenceId, ready: true }, { session });
      return { version, manifest: await stores.otus.manifest(referenceId, session) };
    });

  const createOnce = async (request: BuildRequest, state: BuildState): Promise<BuildOutcome> => {
    const { referenceId, userId } = request;
    const { version, manifest } = state;
    const [indexId, jobId] = [randomId(), randomId()];
    const stored = contents.isLarge(manifest) ? 'file' : manifest;
    const index: IndexDocument = {
      ...{ _id: indexId, version, created_at: new Date(), manifest: stored, has_files: true, ready: false },
      ...{ job: { id: jobId }, reference: { id: referenceId }, user: { id: userId } },
    };
    const args = { ref_id: referenceId, user_id: userId, index_id: indexId, index_version: version, manifest: stored };
    const insert = () =>
      database.transaction(async (session): Promise<BuildOutcome> => {
        if (!(await isStill(referenceId, version, session))) return { ok: false, reason: 'in_progress' };
        // Of two builds at once this stops one before it sends more.
        await tagChanges(history, index, manifest, session);
        await indexes.insertOne(index, { session });
        const job = await stores.jobs.insert(
          { _id: jobId, task: 'build_index', args, ...request.cost, userId },
          session,
        );
        return { ok: true, index, manifest, job };
      });
    return stored === 'file' ? withManifestFile({ referenceId, indexId }, manifest, insert) : insert();
  };

  // Whether no build has begun or ended since the state was read.
  const isStill = async (referenceId: string, version: number, session: ClientSession): Promise<boolean> => {
    const one = { session, projection: { _id: 1 } };
    if (await indexes.findOne({ 'reference.id': referenceId, ready: false }, one)) return false;
    return (await indexes.countDocuments({ 'reference.id': referenceId, ready: true }, { session })) === version;
  };

  const withManifestFile = async (
    place: IndexPlace,
    manifest: Manifest,
    insert: () => Promise<BuildOutcome>,
  ): Promise<BuildOutcome> => {
    if (!(await contents.writeManifest(place, manifest))) throw new FolderTaken();
    try {
      const outcome = await insert();
      if (!outcome.ok) await contents.removeManifest(place);
      return outcome;
    } catch (error) {
      // After any other error the index may be there.
      if (isDuplicate(error)) await contents.removeManifest(place);
      throw error;
    }
  };

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

  // The most is sent last, and only of OTUs that change.
  const markIndexed = async (referenceId: string, manifest: Manifest, session: ClientSession): Promise<void> => {
    const marked = otus
      .find({ 'reference.id': referenceId }, { session, batchSize: 10_000 })
      .project<Pick<OtuDocument, '_id' | 'last_indexed_version'>>({ last_indexed_version: 1 });
    const groups = new Map<number, string[]>();
    for await (const { _id, last_indexed_version } of marked) {
      const version = manifest[_id];
      if (version === undefined || version === last_indexed_version) continue;
      const ids = groups.get(version);
      if (ids) ids.push(_id);
      else groups.set(version, [_id]);
    }
    for (const [version, ids] of groups) {
      for (let start = 0; start < ids.length; start += IDS_PER_WRITE) {
        const batch = ids.slice(start, start + IDS_PER_WRITE);
        await otus.updateMany({ _id: { $in: batch } }, { $set: { last_indexed_version: version } }, { session });
      }
    }
  };

  return {
    collection: indexes,

    get: (indexId: string) => indexes.findOne({ _id: indexId }),

    /**
     * The manifest of an index, from its document or its file.
     *
     * @throws ManifestLost when its file is gone.
     */
    manifestOf: (index: WithContents) => contents.manifest(index),

    /** Which OTU each sequence of an index belongs to, from its document or its file; undefined when neither tells. */
    sequenceOtuMapOf: (index: WithContents) => contents.sequenceOtuMap(index),

    /**
     * Starts a build: index with the current version of every OTU, the changes up to those versions tagged with it, and its waiting
     * job, all or none. A large manifest is in its file before. Of two requests at once one is refused.
     */
    async create(request: BuildRequest): Promise<BuildOutcome> {
      const state = await readState(request.referenceId);
      if (typeof state === 'string') return { ok: false, reason: state };
      for (let tries = 1; ; tries += 1) {
        try {
          return await createOnce(request, state);
        } catch (error) {
          if (isDuplicate(error, 'version')) return { ok: false, reason: 'in_progress' };
          const isTaken = isDuplicate(error, '_id') || error instanceof FolderTaken;
          if (tries >= MAXIMUM_TRIES || !isTaken) throw error;
        }
      }
    },

    /**
     * The OTUs of an index as they were at its versions, by OTU id; those removed since are rebuilt from history.
     *
     * @throws OtuLost when an OTU cannot be rebuilt, ManifestLost when the manifest is gone, Error when there is no such index.
     */
    async *otusOfManifest(indexId: string): AsyncGenerator<JoinedOtu> {
      const index = await indexes.findOne({ _id: indexId }, { projection: { manifest: 1, reference: 1 } });
      if (!index) throw new Error(`There is no index ${indexId}`);
      const wanted = Object.entries(await contents.manifest(index)).map(
        ([id, version]): OtuAtVersion => ({ id, version }),
      );
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

    /** Stores which OTU each sequence belongs to, a large map in a file; false when the index is gone. */
    async setSequenceOtuMap(indexId: string, map: SequenceOtuMap): Promise<boolean> {
      const isLarge = contents.isLarge(map);
      if (isLarge) {
        const index = await indexes.findOne({ _id: indexId }, { projection: { reference: 1 } });
        if (!index) return false;
        await contents.writeSequenceOtuMap(index, map);
      }
      const result = await indexes.updateOne({ _id: indexId }, { $set: { sequence_otu_map: isLarge ? 'file' : map } });
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
      await markIndexed(index.reference.id, await contents.manifest(index), session);
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

    /** Ids of the reference's indexes whose manifests are in files. */
    async idsWithManifestFile(referenceId: string): Promise<string[]> {
      const filter: Filter<IndexDocument> = { 'reference.id': referenceId, manifest: 'file' };
      return (await indexes.find(filter).project<Stored>({ _id: 1 }).toArray()).map(({ _id }) => _id);
    },

    /** Ids of the indexes whose files are needed: the newest ready one, those being built, those of unfinished analyses. */
    activeIndexIds,
  };
}

/** Tags the unbuilt changes that the manifest includes: an edit that came later stays unbuilt. */
async function tagChanges(
  history: Collection<HistoryDocument>,
  index: IndexDocument,
  manifest: Manifest,
  session: ClientSession,
): Promise<void> {
  const unbuilt: Filter<HistoryDocument> = { 'reference.id': index.reference.id, 'index.id': UNBUILT.id };
  const changes = await history
    .find(unbuilt, { session, batchSize: 10_000 })
    .project<Pick<HistoryDocument, '_id' | 'otu'>>({ otu: 1 })
    .toArray();
  const removed = new Set(changes.filter(({ otu }) => otu.version === 'removed').map(({ otu }) => otu.id));
  const included = changes.filter(({ otu }) => {
    const version = manifest[otu.id];
    if (version === undefined) return removed.has(otu.id);
    return otu.version !== 'removed' && otu.version <= version;
  });
  const tag = { $set: { index: { id: index._id, version: index.version } } };
  for (let start = 0; start < included.length; start += BATCH) {
    const ids = included.slice(start, start + BATCH).map((change) => change._id);
    await history.updateMany({ _id: { $in: ids } }, tag, { session });
  }
}
