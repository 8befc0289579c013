import { BSON, type ClientSession, type Filter, type UpdateFilter } from 'mongodb';
import type { BlastError, BlastResult } from '../contracts/blast.js';
import type { Warning } from '../contracts/reads.js';
import { type StoredResults, storedResults } from './analysis_results.js';
import type { Database, Stored } from './database/database.js';
import { insertWithFreshId, randomId } from './database/ids.js';
import { holdLock } from './database/locks.js';
import { fields, findPage, type Page, type PageRequest, searchFilter } from './database/pages.js';
import type { JobDocument, JobStore } from './jobs.js';
import type { Provenance } from './provenance.js';

/** The algorithms of analyses; each is also the task of its job. */
export const ALGORITHMS = ['pathoscope_bowtie', 'nuvs'] as const;
export type Algorithm = (typeof ALGORITHMS)[number];

/** A whole number per base. */
export type Depths = readonly number[] | Uint32Array;

/** What Pathoscope found out about one sequence of a reference. */
export type PathoscopeHit = {
  /** Id of the sequence. */
  id: string;
  otu: { id: string; version: number };
  /** Depth at every base of the sequence; absent in documents of old releases. */
  align?: Depths;
  coverage: number;
  depth?: number;
  /** The same by the bases that reads really cover, `align` packed; absent in results that were made before there was any. */
  depth_by_base?: { align: string; coverage: number; depth: number };
  /** Weights and reads after reassignment; old releases kept the five fields in the hit itself. */
  final?: { pi: number; best: number; high: number; low: number; reads: number };
  initial?: { pi: number; best: number; high: number; low: number; reads: number };
};

/** The BLAST of a contig as stored, beside the results, which may lie in a file. At most one per contig. */
export type BlastDocument = {
  /** The contig. */
  index: number;
  /** Id of the search at NCBI; null until that has taken it. */
  rid: string | null;
  ticket?: string;
  state: 'waiting' | 'done' | 'failed';
  /** Seconds waited before the last question. */
  interval: number;
  last_checked_at: Date;
  /** Of a search that is `done`. */
  result?: BlastResult;
  /** Of a search that has `failed`. */
  error?: BlastError;
};

/** Reads that went in, those that were trimmed away, and those that were looked at; mates count singly. The aligner may leave some aside. */
export type AnalysisReads = { total: number; trimmed: number; used: number };

/** An analysis as stored. `results` come with `ready`, in the transaction that completes its job. */
export type AnalysisDocument = Stored & {
  ready: boolean;
  created_at: Date;
  algorithm: Algorithm;
  sample: { id: string };
  reference: { id: string; name: string };
  index: { id: string; version: number };
  user: { id: string };
  job: { id: string };
  /** `file`: the list is in `results.json` of the analysis' folder, because no document could hold it. */
  results?: unknown[] | 'file';
  read_count?: number;
  subtracted_count?: number;
  /** What the job found; it takes its place in the document when the job is complete. Nobody is shown it. */
  staged?: Omit<AnalysisResults, 'results'>;
  staged_results?: AnalysisResults['results'];
  cache?: { id: string };
  /** Absent in analyses of older releases, and until `prepare_qc`. */
  reads?: AnalysisReads;
  /** What makes the results say less than they seem to. */
  warnings?: Warning[];
  /** BLASTs of the contigs of NuVs. */
  blasts?: BlastDocument[];
  provenance?: Provenance;
  /** The analysis that it was started from, with the same sample. */
  rerun_of?: { id: string };
};

/** An analysis in lists and messages. */
export type AnalysisListItem = Pick<
  AnalysisDocument,
  '_id' | 'algorithm' | 'created_at' | 'ready' | 'job' | 'index' | 'reference' | 'user' | 'sample'
>;

/** What it takes to start an analysis. */
export type NewAnalysis = {
  algorithm: Algorithm;
  sample: { id: string; name: string };
  reference: { id: string; name: string };
  index: { id: string; version: number };
  userId: string;
  /** Limits of its job, fixed now: cores and GiB. */
  cost: { proc: number; mem: number };
  /** The analysis whose results it may take over where they would be the same. */
  rerunOf?: string;
};

/** An analysis that was inserted, and its waiting job. */
export type StartedAnalysis = { analysis: AnalysisDocument; job: JobDocument };

/** What a finished run found. */
export type AnalysisResults = {
  results: unknown[] | 'file';
  read_count?: number;
  subtracted_count?: number;
};

/** What results tell of an HMM. */
export type HmmAnnotation = { cluster: number; families: Record<string, number>; names: string[] };

/** Fields that lists and messages need. */
export const ANALYSIS_PROJECTION = fields(
  '_id',
  'algorithm',
  'created_at',
  'ready',
  'job',
  'index',
  'reference',
  'user',
  'sample',
);

/**
 * All fields but the results, by name: to leave out one field, some servers read through all of the document, which takes hundreds of
 * milliseconds.
 */
const WITHOUT_RESULTS = {
  ...ANALYSIS_PROJECTION,
  ...({
    read_count: 1,
    subtracted_count: 1,
    cache: 1,
    reads: 1,
    warnings: 1,
    blasts: 1,
    provenance: 1,
    rerun_of: 1,
  } satisfies Record<
    Exclude<keyof AnalysisDocument, keyof AnalysisListItem | 'results' | 'staged' | 'staged_results'>,
    1
  >),
};

/** Bytes of results that a document may hold; the rest of the 16 MiB is room for the other fields. */
const RESULTS_LIMIT_BYTES = 15 * 1024 ** 2;

/** Whether the results fit into the analysis document; if not, they belong into `results.json`. */
export function resultsFit(results: unknown[]): boolean {
  return BSON.calculateObjectSize({ results }) <= RESULTS_LIMIT_BYTES;
}

type Tag = boolean | 'ip';
type Tagged = Stored & { pathoscope: Tag; nuvs: Tag };
type ReadyIndex = Stored & { version: number; ready: boolean; has_files: boolean; reference: { id: string } };
type ChosenIndex = NewAnalysis['index'];
type TagSource = { algorithm: string; ready: boolean };

/**
 * The algorithm tags of a sample from all its analyses: false without any, true with a finished one, else `ip` (in
 * progress). Also knows `pathoscope_barracuda` of old releases.
 */
export function algorithmTags(analyses: readonly TagSource[]): { pathoscope: Tag; nuvs: Tag } {
  const tag = (found: readonly TagSource[]): Tag => (found.length === 0 ? false : found.some((a) => a.ready) || 'ip');
  return {
    pathoscope: tag(analyses.filter(({ algorithm }) => algorithm.startsWith('pathoscope_'))),
    nuvs: tag(analyses.filter(({ algorithm }) => algorithm === 'nuvs')),
  };
}

/** Access to the collection `analyses`. */
export type AnalysisStore = ReturnType<typeof createAnalysisStore>;

/** Reads and writes of analyses. Each write keeps the algorithm tags of the sample right, in the same transaction. */
export function createAnalysisStore(database: Database, jobs: JobStore) {
  const analyses = database.collection<AnalysisDocument>('analyses');
  const samples = database.collection<Tagged>('samples');
  const indexes = database.collection<ReadyIndex>('indexes');
  const hmms = database.collection('hmm');

  const within = <T>(session: ClientSession | undefined, work: (session: ClientSession) => Promise<T>): Promise<T> =>
    session ? work(session) : database.transaction(work);

  const refreshTags = async (sampleId: string, session: ClientSession): Promise<boolean> => {
    // Two writers that both see the other's analysis would both write the tag that the sample has already.
    await holdLock(database, 'analyses', session);
    const all = await analyses
      .find({ 'sample.id': sampleId }, { session })
      .project<TagSource>({ algorithm: 1, ready: 1 })
      .toArray();
    const { matchedCount } = await samples.updateOne({ _id: sampleId }, { $set: algorithmTags(all) }, { session });
    return matchedCount === 1;
  };

  const newestIndex = async (referenceId: string, session?: ClientSession): Promise<ChosenIndex | undefined> => {
    const index = await indexes.findOne(
      { 'reference.id': referenceId, ready: true },
      { sort: { version: -1 }, projection: { version: 1 }, ...(session ? { session } : {}) },
    );
    return index ? { id: index._id, version: index.version } : undefined;
  };

  // A build that was published since the choice has taken the files of the former index away. A rerun with the same index
  // must not get another one: its job says that the files are gone.
  const withFiles = async (input: NewAnalysis, session: ClientSession): Promise<NewAnalysis> => {
    const isCurrent = input.rerunOf !== undefined || !(await isWithoutFiles(input.index.id, session));
    const index = isCurrent ? undefined : await newestIndex(input.reference.id, session);
    return index ? { ...input, index } : input;
  };
  const isWithoutFiles = async (indexId: string, session: ClientSession): Promise<boolean> =>
    (await indexes.countDocuments({ _id: indexId, has_files: false }, { limit: 1, session })) === 1;

  const insertAll = (inputs: readonly NewAnalysis[]): Promise<StartedAnalysis[] | undefined> =>
    insertWithFreshId(() =>
      database.transaction(async (session) => {
        await holdLock(database, 'analyses', session);
        const made: StartedAnalysis[] = [];
        for (const chosen of inputs) {
          const input = await withFiles(chosen, session);
          const analysis = newDocument(input, randomId(), randomId());
          await analyses.insertOne(analysis, { session });
          made.push({ analysis, job: await jobs.insert(newJob(input, analysis), session) });
        }
        for (const sampleId of new Set(inputs.map(({ sample }) => sample.id))) {
          if (await refreshTags(sampleId, session)) continue;
          await session.abortTransaction();
          return undefined;
        }
        return made;
      }),
    );

  return {
    collection: analyses,

    get: (analysisId: string) => analyses.findOne({ _id: analysisId }),

    /** All of an analysis but its results, which take long to read. */
    getWithoutResults: (analysisId: string): Promise<Omit<AnalysisDocument, 'results'> | null> =>
      analyses.findOne({ _id: analysisId }, { projection: WITHOUT_RESULTS }),

    /** The results that its document holds, to be decoded one by one; `file` when they are in one, undefined without any. */
    async getResults(analysisId: string): Promise<StoredResults> {
      const options = { projection: { _id: 0, results: 1 }, raw: true };
      const document: unknown = await analyses.findOne({ _id: analysisId }, options);
      return document instanceof Uint8Array ? storedResults(document) : undefined;
    },

    /** Brings a sample's tags in line with its analyses; false when the sample is gone. */
    refreshTags: (sampleId: string): Promise<boolean> =>
      database.transaction((session) => refreshTags(sampleId, session)),

    /** The newest ready index of a reference; undefined when there is none. */
    newestIndex: (referenceId: string) => newestIndex(referenceId),

    /** What is known of some HMMs, by id; hidden ones too, those that are gone are left out. */
    async hmmAnnotations(hmmIds: readonly string[]): Promise<Map<string, HmmAnnotation>> {
      const found = await hmms
        .find({ _id: { $in: [...hmmIds] } })
        .project<Stored & HmmAnnotation>(fields('_id', 'cluster', 'families', 'names'))
        .toArray();
      return new Map(found.map(({ _id, ...annotation }) => [_id, annotation]));
    },

    /**
     * Inserts an unready analysis and its waiting job; undefined when the sample is gone. An index that lost its files
     * since it was chosen is replaced by the newest one.
     */
    async create(input: NewAnalysis): Promise<StartedAnalysis | undefined> {
      const made = await insertAll([input]);
      return made?.[0];
    },

    /** The same for many at once, in one transaction; undefined, and nothing is inserted, when one of their samples is gone. */
    createAll: insertAll,

    /** One page of a sample's analyses, newest first; the term is looked for in reference names and user ids. */
    list(sampleId: string, term: string | undefined, request: PageRequest): Promise<Page<AnalysisListItem>> {
      return findPage(
        analyses,
        {
          base: { 'sample.id': sampleId },
          search: searchFilter(['reference.name', 'user.id'], term) as Filter<AnalysisDocument> | undefined,
          sort: { created_at: -1, _id: 1 },
          projection: ANALYSIS_PROJECTION,
        },
        request,
      );
    },

    /** Id, job and state of all analyses of a sample, for clean-up. */
    ofSample: (sampleId: string) =>
      analyses
        .find({ 'sample.id': sampleId })
        .project<Pick<AnalysisDocument, '_id' | 'job' | 'ready'>>({ _id: 1, job: 1, ready: 1 })
        .toArray(),

    /**
     * Keeps the results for {@link publish}, unseen; false when the analysis is gone. A list must pass {@link resultsFit}, else
     * write `results.json` first and give `file`.
     */
    async stageResults(analysisId: string, found: AnalysisResults): Promise<boolean> {
      const { results, ...staged } = found;
      const result = await analyses.updateOne({ _id: analysisId }, { $set: { staged, staged_results: results } });
      return result.matchedCount === 1;
    },

    /**
     * Makes an analysis ready with the results that were kept, else with `others`, and the sample's tags follow; in the transaction that
     * completes its job. False when the analysis is gone or has no results.
     */
    async publish(analysisId: string, session: ClientSession, others?: AnalysisResults): Promise<boolean> {
      // The results stay where they are: they may have 15 MB.
      const projection = { sample: 1, ready: 1, staged: 1 };
      const found = await analyses.findOne({ _id: analysisId }, { session, projection });
      // One that is ready got its results from an older release, before the end of its job.
      if (!found || !(found.staged || others || found.ready)) return false;
      const change = found.staged
        ? { $set: { ...found.staged, ready: true }, $rename: { staged_results: 'results' }, $unset: { staged: '' } }
        : { $set: { ...others, ready: true } };
      await analyses.updateOne({ _id: analysisId }, change as UpdateFilter<AnalysisDocument>, { session });
      await refreshTags(found.sample.id, session);
      return true;
    },

    /** Notes which trimmed reads the analysis uses; false when it is gone. */
    async setCache(analysisId: string, cacheId: string): Promise<boolean> {
      const result = await analyses.updateOne({ _id: analysisId }, { $set: { cache: { id: cacheId } } });
      return result.matchedCount === 1;
    },

    /** Notes what became of the reads, and warnings about it; false when it is gone. */
    async setReads(analysisId: string, reads: AnalysisReads, warnings: Warning[]): Promise<boolean> {
      const result = await analyses.updateOne({ _id: analysisId }, { $set: { reads, warnings } });
      return result.matchedCount === 1;
    },

    /** Gives the analyses of a reference its new name. */
    async renameReference(referenceId: string, name: string, session?: ClientSession): Promise<void> {
      const filter = { 'reference.id': referenceId };
      await analyses.updateMany(filter, { $set: { 'reference.name': name } }, session ? { session } : {});
    },

    /** Removes an analysis; gives what it was, or null when it is gone already. Its folder is the caller's. */
    remove(analysisId: string, session?: ClientSession): Promise<AnalysisListItem | null> {
      return within(session, async (own) => {
        const analysis = await analyses.findOneAndDelete(
          { _id: analysisId },
          { session: own, projection: ANALYSIS_PROJECTION },
        );
        if (analysis) await refreshTags(analysis.sample.id, own);
        return analysis;
      });
    },

    /** Removes all analyses of a sample that goes too. */
    async removeOfSample(sampleId: string, session?: ClientSession): Promise<void> {
      await analyses.deleteMany({ 'sample.id': sampleId }, session ? { session } : {});
    },
  };
}

function newDocument(input: NewAnalysis, analysisId: string, jobId: string): AnalysisDocument {
  return {
    _id: analysisId,
    ready: false,
    created_at: new Date(),
    job: { id: jobId },
    algorithm: input.algorithm,
    sample: { id: input.sample.id },
    index: input.index,
    reference: input.reference,
    user: { id: input.userId },
    ...(input.rerunOf === undefined ? {} : { rerun_of: { id: input.rerunOf } }),
  };
}

function newJob(input: NewAnalysis, { _id, job }: AnalysisDocument): Parameters<JobStore['insert']>[0] {
  return {
    _id: job.id,
    task: input.algorithm,
    args: {
      analysis_id: _id,
      ref_id: input.reference.id,
      sample_id: input.sample.id,
      sample_name: input.sample.name,
      index_id: input.index.id,
    },
    ...input.cost,
    userId: input.userId,
  };
}
