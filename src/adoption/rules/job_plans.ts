import { join } from 'node:path';
import type { ClientSession } from 'mongodb';
import { isTask, TASKS, type Task } from '../../contracts/jobs.js';
import { sharesFolder } from '../../files/data_directory.js';
import { fileSize } from '../../files/folders.js';
import type { JobDocument } from '../../store/jobs.js';
import { hasRawReads } from '../../store/samples/sample_files.js';
import { idsIn, textOf } from '../documents.js';
import { foldersOfSample, isIndexThere, pathOf } from '../paths.js';
import type { Site } from '../rule.js';

/**
 * What becomes of a job that release 3.7.3 left unfinished. `again`: all that it needs is there, so the server does it from the begin.
 * `complete`: its product is whole. `end`: it fails, and what it made is undone after `leftovers` were moved away.
 */
export type Plan =
  | { outcome: 'again'; prepare: () => Promise<void> }
  | { outcome: 'complete'; publish: (session: ClientSession) => Promise<void> }
  | { outcome: 'end'; reason: string; leftovers: string[]; isNamed: boolean };

const done = async () => undefined;

/** Decides about a job. Reads only. */
export async function planJob(site: Site, job: JobDocument): Promise<Plan> {
  if (!isTask(job.task)) return end('This server cannot run jobs of this kind.', [], false);
  const names = NAMES[job.task].map((name) => textOf(job.args?.[name]));
  if (names.includes(undefined)) return end('The job does not say what it is about.', [], false);
  if (pathsOf(site, job) === undefined)
    return end('The job is about something whose id is no name for files.', [], false);
  return PLANS[job.task](site, job);
}

/** Arguments without which a job cannot be understood. */
const NAMES: Record<Task, string[]> = {
  create_sample: ['sample_id'],
  update_sample: ['sample_id'],
  create_subtraction: ['subtraction_id', 'file_id'],
  build_index: ['ref_id', 'index_id'],
  pathoscope_bowtie: ['analysis_id', 'sample_id', 'ref_id', 'index_id'],
  nuvs: ['analysis_id', 'sample_id', 'ref_id', 'index_id'],
};

const PLANS: Record<Task, (site: Site, job: JobDocument) => Promise<Plan>> = {
  create_sample: planSample,
  update_sample: planReplacement,
  create_subtraction: planSubtraction,
  build_index: planIndex,
  pathoscope_bowtie: planAnalysis,
  nuvs: planAnalysis,
};

async function planSample(site: Site, job: JobDocument): Promise<Plan> {
  const { store } = site;
  const sampleId = argument(job, 'sample_id');
  const uploads = idsIn(job.args.files);
  const sample = await store.samples.get(sampleId);
  // The product comes before the last step.
  if (sample && sample.imported !== 'ip') {
    return complete(async (session) => void (await store.files.release(uploads, job._id, session)));
  }
  if (sample && uploads.length > 0 && (await areUploadsThere(site, uploads)))
    return again(() => take(site, uploads, job._id));
  return end('The sample or its uploads are not there any more.', await foldersOfSample(site, sampleId));
}

/** The job of release 3.7.3 does not say which uploads it is about, so it can only be asked for again. */
async function planReplacement({ store }: Site, job: JobDocument): Promise<Plan> {
  const sampleId = argument(job, 'sample_id');
  const sample = await store.samples.get(sampleId);
  // One that was being undone has no more word in the sample either.
  const isDone = sample && hasRawReads(sample) && sample.update_job?.id !== job._id && !job.undoing;
  if (isDone) return complete(done);
  return end('Release 3.7.3 did not note which uploads replace the reads: ask for the replacement again.', []);
}

async function planSubtraction(site: Site, job: JobDocument): Promise<Plan> {
  const { store, data } = site;
  const name = argument(job, 'subtraction_id');
  const fileId = argument(job, 'file_id');
  const subtraction = await store.subtractions.get(name);
  if (subtraction?.ready)
    return complete(async (session) => void (await store.files.release([fileId], job._id, session)));
  const isOwn = subtraction?.job?.id === job._id;
  const isShared = sharesFolder(name, await store.subtractions.names());
  if (isOwn && !isShared && (await areUploadsThere(site, [fileId]))) return again(() => take(site, [fileId], job._id));
  return end('The host or its upload is not there any more.', isOwn && !isShared ? [data.subtraction(name)] : []);
}

async function planIndex({ store, data }: Site, job: JobDocument): Promise<Plan> {
  const [referenceId, indexId] = [argument(job, 'ref_id'), argument(job, 'index_id')];
  const index = await store.indexBuilds.get(indexId);
  if (index?.ready) return complete(async (session) => void (await store.indexBuilds.publish(indexId, session)));
  const isWhole = index && Object.keys(index.manifest ?? {}).length > 0;
  if (isWhole && (await store.references.get(referenceId))) {
    return again(async () => {
      await store.indexBuilds.collection.updateOne({ _id: indexId }, { $set: { 'job.id': job._id } });
    });
  }
  return end('The index or its reference is not there any more.', [data.index(referenceId, indexId)]);
}

async function planAnalysis(site: Site, job: JobDocument): Promise<Plan> {
  const { store, data } = site;
  const [analysisId, sampleId] = [argument(job, 'analysis_id'), argument(job, 'sample_id')];
  const analysis = await store.analyses.collection.findOne(
    { _id: analysisId },
    { projection: { ready: 1, results: { $slice: 1 } } },
  );
  if (analysis?.ready && analysis.results !== undefined) return complete(done);
  if (analysis && (await isInputThere(site, job))) {
    return again(async () => {
      // Ready was noted together with the counts, before there were results.
      await store.analyses.collection.updateOne({ _id: analysisId }, { $set: { ready: false, 'job.id': job._id } });
    });
  }
  return end('The sample, its host or the index is not there any more.', [data.analysis(sampleId, analysisId)]);
}

async function isInputThere({ store, data }: Site, job: JobDocument): Promise<boolean> {
  const [referenceId, indexId] = [argument(job, 'ref_id'), argument(job, 'index_id')];
  const sample = await store.samples.get(argument(job, 'sample_id'));
  if (!sample || sample.imported === 'ip' || !sample.quality) return false;
  const subtraction = await store.subtractions.get(sample.subtraction?.id ?? '');
  const index = await store.indexBuilds.collection.findOne({ _id: indexId }, { projection: { ready: 1 } });
  return (
    Boolean(subtraction?.ready && index?.ready) && isIndexThere(join(data.index(referenceId, indexId), 'reference'))
  );
}

async function areUploadsThere({ store, data }: Site, ids: readonly string[]): Promise<boolean> {
  const documents = await store.files.collection.countDocuments({ _id: { $in: [...ids] }, ready: true });
  if (documents !== ids.length) return false;
  const sizes = await Promise.all(ids.map((id) => fileSize(data.file(id))));
  return sizes.every(Boolean);
}

/** Lets the job have the uploads that it needs, as when it was asked for. */
async function take({ store }: Site, fileIds: readonly string[], jobId: string): Promise<void> {
  await store.files.collection.updateMany(
    { _id: { $in: [...fileIds] } },
    { $set: { reserved: true, reserved_by: jobId } },
  );
}

/** The path of each thing that the job is about; undefined when an id is no name for a file. */
function pathsOf({ data }: Site, { args }: JobDocument): string[] | undefined {
  const ids = [args.sample_id, args.analysis_id, args.ref_id, args.index_id, args.file_id, ...idsIn(args.files)];
  const paths = ids.flatMap((id) => textOf(id) ?? []).map((id) => pathOf(() => data.file(id)));
  const name = textOf(args.subtraction_id);
  if (name !== undefined) paths.push(pathOf(() => data.subtraction(name)));
  return paths.every((path) => path !== undefined) ? paths : undefined;
}

function argument({ args }: JobDocument, name: string): string {
  return args[name] as string;
}

const again = (prepare: () => Promise<void>): Plan => ({ outcome: 'again', prepare });
const complete = (publish: (session: ClientSession) => Promise<void>): Plan => ({ outcome: 'complete', publish });
const end = (reason: string, leftovers: string[], isNamed = true): Plan => ({
  outcome: 'end',
  reason,
  leftovers,
  isNamed,
});

/** The last step of a task. */
export function lastStep(task: string): string | null {
  return isTask(task) ? (TASKS[task].steps.at(-1) ?? null) : null;
}
