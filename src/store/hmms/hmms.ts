import { createHash } from 'node:crypto';
import type { Filter } from 'mongodb';
import type { AnalysisDocument } from '../analyses.js';
import type { Database, Stored } from '../database/database.js';
import { escapePattern, fields, findPage, type Page, type PageRequest } from '../database/pages.js';
import { hasEnded, type JobDocument, PERHAPS_UNFINISHED } from '../jobs.js';
import type { HmmStatusStore } from './hmm_status.js';

/** What is known of a profile HMM: a cluster of related viral proteins. */
export type HmmAnnotation = {
  /** Number in the name of its profile, `vFam_<cluster>`. */
  cluster: number;
  /** Proteins in the cluster. */
  count: number;
  /** Positions of the profile. */
  length: number;
  mean_entropy: number;
  total_entropy: number;
  /** Names of its proteins, the most frequent first. */
  names: string[];
  families: Record<string, number>;
  genera: Record<string, number>;
  entries: { accession: string; gi: string; name: string; organism: string }[];
};

/**
 * An HMM as stored. Visible are those of the current installation that are not hidden; documents of old releases belong to
 * no installation.
 */
export type HmmDocument = Stored & HmmAnnotation & { hidden: boolean; installation?: string };

/** An HMM in lists. */
export type HmmListItem = Pick<HmmDocument, '_id' | 'cluster' | 'names' | 'count' | 'families'>;

const PROJECTION = fields('_id', 'cluster', 'names', 'count', 'families');
const BATCH = 500;
const ID_ALPHABET_SIZE = 36n ** 8n;

/** Reads and bulk writes of HMMs. */
export function createHmmStore(database: Database, status: HmmStatusStore) {
  const hmms = database.collection<HmmDocument>('hmm');
  const jobs = database.collection<JobDocument>('jobs');
  const analyses = database.collection<AnalysisDocument>('analyses');

  const visible = async (): Promise<Filter<HmmDocument>> => {
    // Null also fits documents without the field.
    const installation = await status.installation();
    return { hidden: false, installation } as Filter<HmmDocument>;
  };

  const inBatches = async (ids: readonly string[], write: (batch: string[]) => Promise<void>): Promise<void> => {
    for (let start = 0; start < ids.length; start += BATCH) await write(ids.slice(start, start + BATCH));
  };

  return {
    collection: hmms,

    /** An HMM, hidden or not. */
    get: (hmmId: string) => hmms.findOne({ _id: hmmId }),

    /** One page of the visible HMMs by cluster; the term is looked for in names. */
    async list(term: string | undefined, request: PageRequest): Promise<Page<HmmListItem>> {
      const search = term ? { names: { $regex: escapePattern(term), $options: 'i' } } : undefined;
      const query = { base: await visible(), search, sort: { cluster: 1, _id: 1 } as const, projection: PROJECTION };
      return findPage(hmms, query, request);
    },

    /** Whether there is an HMM to search with. */
    hasVisible: async (): Promise<boolean> =>
      (await hmms.findOne(await visible(), { projection: { _id: 1 } })) !== null,

    /**
     * Id of the HMM of each cluster. Of several the one of the given installation counts (the current one when none is
     * given), then a visible one, then a hidden one.
     */
    async clusterIds(installation?: string | null): Promise<Map<number, string>> {
      const wanted = installation === undefined ? await status.installation() : installation;
      const found = await hmms
        .find()
        .project<Pick<HmmDocument, '_id' | 'cluster' | 'hidden' | 'installation'>>({
          cluster: 1,
          hidden: 1,
          installation: 1,
        })
        .sort({ _id: 1 })
        .toArray();
      const rank = (hmm: (typeof found)[number]) =>
        ((hmm.installation ?? null) === wanted ? 0 : 2) + (hmm.hidden === true ? 1 : 0);
      found.sort((a, b) => rank(b) - rank(a));
      return new Map(found.map(({ _id, cluster }) => [cluster, _id]));
    },

    /** Inserts annotations of an installation that is not current yet; twice is harmless. */
    async stage(installation: string, annotations: readonly HmmAnnotation[]): Promise<void> {
      const writes = annotations.map((annotation) => {
        const _id = hmmId(installation, annotation.cluster);
        const $setOnInsert = { ...annotation, hidden: false, installation };
        return { updateOne: { filter: { _id }, update: { $setOnInsert }, upsert: true } };
      });
      await database.transaction(async (session) => {
        await hmms.bulkWrite(writes, { session, ordered: false });
      });
    },

    countOf: (installation: string): Promise<number> => hmms.countDocuments({ installation }),

    /** Removes all HMMs of an installation that never became current. */
    async removeOf(installation: string): Promise<void> {
      const found = await hmms.find({ installation }).project<Stored>({ _id: 1 }).toArray();
      await inBatches(
        found.map(({ _id }) => _id),
        (batch) =>
          database.transaction(async (session) => {
            await hmms.deleteMany({ _id: { $in: batch } }, { session });
          }),
      );
    },

    /** Installations that HMMs belong to; null stands for those of old releases. */
    async installations(): Promise<(string | null)[]> {
      const group = { $group: { _id: { $ifNull: ['$installation', null] } } };
      const found = await hmms.aggregate<{ _id: string | null }>([group]).toArray();
      return found.map(({ _id }) => _id);
    },

    /** Whether a search with HMMs runs or waits: what it found may name any HMM that was there when it began. */
    async isSearching(): Promise<boolean> {
      const projection = { 'status.state': 1 };
      const found = await jobs.find({ ...PERHAPS_UNFINISHED, task: 'nuvs' }, { projection }).toArray();
      return found.some((job) => !hasEnded(job));
    },

    /** Ids of the HMMs that results in documents name. */
    async namedInResults(): Promise<string[]> {
      const found = await analyses
        .find({ algorithm: 'nuvs', 'results.0': { $exists: true } })
        .project<{ results?: { orfs?: { hits?: { hit?: unknown }[] }[] }[] }>({ 'results.orfs.hits.hit': 1 })
        .toArray();
      const contigs = found.flatMap(({ results }) => results ?? []);
      const hits = contigs.flatMap(({ orfs }) => orfs ?? []).flatMap((orf) => orf.hits ?? []);
      return [...new Set(hits.map(({ hit }) => hit).filter((hit) => typeof hit === 'string'))];
    },

    /** The analyses whose results, which may name HMMs, lie in files. */
    async resultsInFiles(): Promise<{ id: string; sampleId: string }[]> {
      const found = await analyses
        .find({ algorithm: 'nuvs', results: 'file' })
        .project<Pick<AnalysisDocument, '_id' | 'sample'>>({ sample: 1 })
        .toArray();
      return found.map(({ _id, sample }) => ({ id: _id, sampleId: sample.id }));
    },

    /** Removes the HMMs of these installations that no result names and hides the others; gives the numbers of both. */
    async retire(installations: readonly (string | null)[], named: ReadonlySet<string>) {
      const found = await hmms
        .find({ installation: { $in: [...installations] } } as Filter<HmmDocument>)
        .project<Pick<HmmDocument, '_id' | 'hidden'>>({ hidden: 1 })
        .toArray();
      const removed = found.filter(({ _id }) => !named.has(_id)).map(({ _id }) => _id);
      const hidden = found.filter(({ _id, hidden }) => named.has(_id) && hidden !== true).map(({ _id }) => _id);
      await inBatches(removed, (batch) =>
        database.transaction(async (session) => {
          await hmms.deleteMany({ _id: { $in: batch } }, { session });
        }),
      );
      await inBatches(hidden, (batch) =>
        database.transaction(async (session) => {
          await hmms.updateMany({ _id: { $in: batch } }, { $set: { hidden: true } }, { session });
        }),
      );
      return { removed: removed.length, hidden: hidden.length };
    },
  };
}

// The same for the same installation and cluster, so that a second run inserts nothing twice.
function hmmId(installation: string, cluster: number): string {
  const hash = createHash('sha256').update(`${installation}/${cluster}`).digest();
  return (hash.readBigUInt64BE() % ID_ALPHABET_SIZE).toString(36).padStart(8, '0');
}
