import { isDeepStrictEqual } from 'node:util';
import type { AnyBulkWriteOperation, ClientSession, Filter } from 'mongodb';
import { FINAL_STATES } from '../contracts/jobs.js';
import { completePermissions } from '../contracts/permissions.js';
import type { GroupDocument } from './accounts/groups.js';
import { type AnalysisDocument, algorithmTags } from './analyses.js';
import type { Stored } from './database/database.js';
import type { Store } from './index.js';
import { type JobDocument, PERHAPS_UNFINISHED } from './jobs.js';
import type { StoredSequence } from './otus/sequences.js';
import type { SampleFile } from './samples/sample_files.js';

/** Repairs of documents, by what they put in order; each gives how many documents it changed. */
export type Repairs = Record<string, () => Promise<number>>;

/**
 * What a server start puts in order that an old release or a killed process has left. Nothing happens to documents that are
 * as they should be, or that belong to a job which has not ended, so all of it may run beside a working server.
 */
export function createDocumentRepairs(store: Store): Repairs {
  return {
    'fields of samples': () => completeSamples(store),
    'fields of analyses': () => renameDiagnosis(store),
    'algorithm tags of samples': () => correctTags(store),
    'reservations of files': () => releaseFiles(store),
    'creation times of jobs': () => dateJobs(store),
    'ends of jobs': () => noteEnds(store),
    'permissions of groups': () => completeGroups(store),
    'order of sequences': () => orderSequences(store),
  };
}

async function dateJobs({ jobs }: Store): Promise<number> {
  const undated = { created_at: { $exists: false } } as Filter<JobDocument>;
  const found = jobs.collection.find(undated).project<Pick<JobDocument, '_id' | 'status'>>({ 'status.timestamp': 1 });
  const writes: AnyBulkWriteOperation<JobDocument>[] = [];
  let changed = 0;
  const write = async () => {
    const batch = writes.splice(0);
    if (batch.length > 0) changed += (await jobs.collection.bulkWrite(batch, { ordered: false })).modifiedCount;
  };
  for await (const { _id, status } of found) {
    const created_at = status?.[0]?.timestamp ?? new Date(0);
    writes.push({ updateOne: { filter: { _id, ...undated }, update: { $set: { created_at } } } });
    if (writes.length === 500) await write();
  }
  await write();
  return changed;
}

async function noteEnds({ jobs }: Store): Promise<number> {
  const unnoted = { ...PERHAPS_UNFINISHED, 'status.state': { $in: [...FINAL_STATES] } } as Filter<JobDocument>;
  return (await jobs.collection.updateMany(unnoted, { $set: { ended: true } })).modifiedCount;
}

type OldSample = Stored & { files?: unknown; paired?: unknown; srna?: unknown; imported?: unknown; find?: unknown };

async function completeSamples({ database }: Store): Promise<number> {
  const samples = database.collection<OldSample>('samples');
  let changed = 0;
  for await (const sample of samples.find({}, { projection: { files: 1, paired: 1, srna: 1, imported: 1, find: 1 } })) {
    const files = Array.isArray(sample.files) ? sample.files : [];
    const flags = {
      ...(typeof sample.paired === 'boolean' ? {} : { paired: files.length === 2 }),
      ...(typeof sample.srna === 'boolean' ? {} : { srna: false }),
    };
    const current = sample.imported === 'ip' ? undefined : currentFiles(sample._id, files);
    if (Object.keys(flags).length > 0) await samples.updateOne({ _id: sample._id }, { $set: flags });
    // Searched texts, once stored.
    if (sample.find !== undefined) await samples.updateOne({ _id: sample._id }, { $unset: { find: '' } });
    if (current) await samples.updateOne({ _id: sample._id, files: sample.files }, { $set: { files: current } });
    if (current || sample.find !== undefined || Object.keys(flags).length > 0) changed += 1;
  }
  return changed;
}

/**
 * The reads files of an imported sample as they are listed today; undefined when they are already. Before release 3.4 the list
 * held the uploads, and the folder trimmed reads.
 */
function currentFiles(sampleId: string, files: readonly unknown[]): unknown[] | undefined {
  const uploads = files.map(uploadOf);
  if (uploads.every((upload) => upload === undefined)) return undefined;
  return files.map((file, index): unknown => {
    const from = uploads[index];
    const name = `reads_${index + 1}.fastq`;
    const current = { name, download_url: `/download/samples/${sampleId}/${name}`, size: null, raw: false };
    return from ? ({ ...current, from } satisfies SampleFile) : file;
  });
}

function uploadOf(file: unknown): SampleFile['from'] | undefined {
  if (typeof file === 'string') return { id: file, name: nameInId(file), size: 0 };
  if (typeof file !== 'object' || file === null || 'download_url' in file || !('id' in file)) return undefined;
  const { id, name, size } = file as Record<string, unknown>;
  if (typeof id !== 'string') return undefined;
  return { id, name: typeof name === 'string' ? name : nameInId(id), size: typeof size === 'number' ? size : 0 };
}

function nameInId(fileId: string): string {
  return fileId.replace(/^[0-9a-z]{8}-/, '');
}

async function renameDiagnosis({ database }: Store): Promise<number> {
  const old = { diagnosis: { $exists: true }, results: { $exists: false } } as Filter<AnalysisDocument>;
  const analyses = database.collection<AnalysisDocument>('analyses');
  return (await analyses.updateMany(old, { $rename: { diagnosis: 'results' } })).modifiedCount;
}

type TagGroup = { _id: { sample: string; algorithm: string }; ready: boolean | null };

async function correctTags({ analyses, samples }: Store): Promise<number> {
  const bySample = new Map<string, { algorithm: string; ready: boolean }[]>();
  const groups = analyses.collection.aggregate<TagGroup>([
    { $match: { algorithm: { $type: 'string' } } },
    { $group: { _id: { sample: '$sample.id', algorithm: '$algorithm' }, ready: { $max: '$ready' } } },
  ]);
  for await (const { _id, ready } of groups) {
    const found = bySample.get(_id.sample) ?? [];
    bySample.set(_id.sample, [...found, { algorithm: _id.algorithm, ready: ready === true }]);
  }
  let changed = 0;
  for await (const sample of samples.collection.find({}, { projection: { pathoscope: 1, nuvs: 1 } })) {
    const tags = algorithmTags(bySample.get(sample._id) ?? []);
    if (sample.pathoscope === tags.pathoscope && sample.nuvs === tags.nuvs) continue;
    if (await analyses.refreshTags(sample._id)) changed += 1;
  }
  return changed;
}

/** Gives free the files that are taken by nothing: their job has ended or was removed, and no sample waits to use them. */
async function releaseFiles({ database, files }: Store): Promise<number> {
  const completed = await files.collection.updateMany({ reserved: { $exists: false } }, { $set: { reserved: false } });
  if ((await files.collection.countDocuments({ reserved: true }, { limit: 1 })) === 0) return completed.modifiedCount;
  // In one snapshot: a job that takes a file meanwhile makes this start again.
  const released = await database.transaction(async (session) => {
    const reserved = await files.collection.find({ reserved: true }, { session, projection: { _id: 1 } }).toArray();
    const ids = reserved.map(({ _id }) => _id);
    const needed = new Set([
      ...(await neededByJobs(database, session)),
      ...(await replacements(database, ids, session)),
    ]);
    const left = ids.filter((id) => !needed.has(id));
    if (left.length > 0) await files.releaseFromAll(left, session);
    return left.length;
  });
  return completed.modifiedCount + released;
}

type FileArgs = Stored & { args?: { files?: unknown; file_id?: unknown } };

async function neededByJobs(database: Store['database'], session: ClientSession): Promise<string[]> {
  const unfinished = { 'status.state': { $nin: [...FINAL_STATES] } } as Filter<FileArgs>;
  const projection = { 'args.files': 1, 'args.file_id': 1 };
  const jobs = await database.collection<FileArgs>('jobs').find(unfinished, { session, projection }).toArray();
  return jobs.flatMap(({ args }) => [args?.file_id, ...(Array.isArray(args?.files) ? args.files : [])].flatMap(idOf));
}

type Replaced = Stored & { files?: { replacement?: unknown }[] };

/** The files that will replace old reads of a sample; they are taken before there is a job. */
async function replacements(
  database: Store['database'],
  fileIds: readonly string[],
  session: ClientSession,
): Promise<string[]> {
  const samples = await database
    .collection<Replaced>('samples')
    .find({ 'files.replacement.id': { $in: [...fileIds] } } as Filter<Replaced>, { session, projection: { files: 1 } })
    .toArray();
  return samples.flatMap(({ files }) => files?.flatMap((file) => idOf(file.replacement)) ?? []);
}

function idOf(file: unknown): string[] {
  if (typeof file === 'string') return [file];
  const id = typeof file === 'object' && file !== null && 'id' in file ? file.id : undefined;
  return typeof id === 'string' ? [id] : [];
}

async function completeGroups({ database }: Store): Promise<number> {
  const groups = database.collection<GroupDocument & { _version?: unknown }>('groups');
  let changed = 0;
  for (const group of await groups.find().toArray()) {
    const permissions = completePermissions(group.permissions);
    if (!('_version' in group) && isDeepStrictEqual(group.permissions, permissions)) continue;
    const asRead = { _id: group._id, permissions: group.permissions } as Filter<GroupDocument>;
    const result = await groups.updateOne(asRead, { $set: { permissions }, $unset: { _version: '' } });
    changed += result.modifiedCount;
  }
  return changed;
}

const OTUS_AT_ONCE = 500;
const SEQUENCES_AT_ONCE = 1000;

/**
 * Gives the sequences of old releases the positions that they have in the collection: whole OTUs, in transactions of about
 * {@link SEQUENCES_AT_ONCE} sequences.
 */
async function orderSequences(store: Store): Promise<number> {
  let changed = 0;
  let otuIds: string[] = [];
  for await (const { _id } of store.otus.collection.find({}, { projection: { _id: 1 } }).sort({ _id: 1 })) {
    otuIds.push(_id);
    if (otuIds.length < OTUS_AT_ONCE) continue;
    changed += await orderSequencesOf(store, otuIds);
    otuIds = [];
  }
  return changed + (await orderSequencesOf(store, otuIds));
}

async function orderSequencesOf(store: Store, otuIds: readonly string[]): Promise<number> {
  const unplaced = { otu_id: { $in: [...otuIds] }, position: { $exists: false } } as Filter<StoredSequence>;
  const counts = new Map<string, number>();
  for await (const { otu_id } of store.sequences.collection.find(unplaced).project<{ otu_id: string }>({ otu_id: 1 })) {
    counts.set(otu_id, (counts.get(otu_id) ?? 0) + 1);
  }
  const batches: string[][] = [];
  let size = SEQUENCES_AT_ONCE;
  for (const [otuId, count] of counts) {
    if (size >= SEQUENCES_AT_ONCE) {
      batches.push([]);
      size = 0;
    }
    batches.at(-1)?.push(otuId);
    size += count;
  }
  let changed = 0;
  for (const batch of batches) {
    changed += await store.database.transaction((session) => store.sequences.placeAll(batch, session));
  }
  return changed;
}
