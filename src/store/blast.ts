import type { Filter, UpdateFilter } from 'mongodb';
import type { BlastError, BlastResult, BlastSearch } from '../contracts/blast.js';
import type { AnalysisDocument, BlastDocument } from './analyses.js';
import type { Database } from './database/database.js';

const KNOWN = ['index', 'rid', 'ticket', 'state', 'last_checked_at'] as const;

/** A search that has not ended, and the sample whose contig it is about. */
export type WaitingBlast = BlastSearch & { sampleId: string; lastCheckedAt: Date };

/** Reads and conditional writes of BLASTs in the collection `analyses`. One that is done, failed or replaced is never changed any more. */
export function createBlastStore(database: Database) {
  const analyses = database.collection<AnalysisDocument>('analyses');

  const nameOf = ({ rid, ticket }: BlastSearch) => (ticket === undefined ? { rid } : { ticket });
  const isWaiting = (search: BlastSearch) =>
    ({
      _id: search.analysisId,
      blasts: { $elemMatch: { index: search.index, ...nameOf(search), state: 'waiting' } },
    }) as Filter<AnalysisDocument>;

  const change = async (search: BlastSearch, fields: Partial<BlastDocument>): Promise<boolean> => {
    const $set = Object.fromEntries(Object.entries(fields).map(([name, value]) => [`blasts.$[own].${name}`, value]));
    const name = Object.entries(nameOf(search)).map(([field, value]) => [`own.${field}`, value]);
    const own = { 'own.index': search.index, ...Object.fromEntries(name) };
    const update = { $set } as UpdateFilter<AnalysisDocument>;
    return (await analyses.updateOne(isWaiting(search), update, { arrayFilters: [own] })).matchedCount === 1;
  };

  const find = async (filter: Filter<AnalysisDocument>): Promise<WaitingBlast[]> => {
    // All but the results, which may be large.
    const known = Object.fromEntries(KNOWN.map((field) => [`blasts.${field}`, 1]));
    const found = await analyses
      .find(filter)
      .project<Pick<AnalysisDocument, '_id' | 'sample' | 'blasts'>>({ sample: 1, ...known })
      .toArray();
    return found.flatMap(waitingOf);
  };

  return {
    /**
     * Notes a search that has just been handed in, or is to be, in place of a former one for the contig, which is given back. Undefined when
     * the analysis is gone.
     */
    begin(
      { analysisId, ...search }: BlastSearch,
      interval: number,
    ): Promise<{ blast: BlastDocument; former: BlastDocument | undefined } | undefined> {
      const { index } = search;
      const blast: BlastDocument = { ...search, state: 'waiting', interval, last_checked_at: new Date() };
      return database.transaction(async (session) => {
        const found = await analyses.findOneAndUpdate(
          { _id: analysisId },
          { $pull: { blasts: { index } } },
          { session, projection: { blasts: 1 } },
        );
        if (!found) return undefined;
        await analyses.updateOne({ _id: analysisId }, { $push: { blasts: blast } }, { session });
        return { blast, former: found.blasts?.find((one) => one.index === index) };
      });
    },

    /** Whether somebody waits for the search. */
    isWaiting: async (search: BlastSearch): Promise<boolean> =>
      (await analyses.findOne(isWaiting(search), { projection: { _id: 1 } })) !== null,

    /** The search as it is noted, which NCBI may have taken meanwhile; undefined when nobody waits for it. */
    async find(search: BlastSearch): Promise<BlastSearch | undefined> {
      const { index, rid, ticket } = search;
      const isIt = (one: BlastSearch) =>
        one.index === index && (ticket === undefined ? one.rid === rid : one.ticket === ticket);
      return (await find(isWaiting(search))).find(isIt);
    },

    /** Notes that NCBI has taken the search; false when nobody waits any more. */
    submitted: (search: BlastSearch, interval: number, rid: string) =>
      change(search, { rid, interval, last_checked_at: new Date() }),

    /** Notes a question that brought no result; false when nobody waits any more. */
    noteCheck: (search: BlastSearch, interval: number) => change(search, { interval, last_checked_at: new Date() }),

    /** Stores the result; false when nobody waits any more. */
    complete: (search: BlastSearch, interval: number, result: BlastResult) =>
      change(search, { state: 'done', interval, last_checked_at: new Date(), result }),

    /** Notes why there is no result; false when nobody waits any more. */
    fail: (search: BlastSearch, error: BlastError) => change(search, { state: 'failed', error }),

    /** All searches that have not ended; for the reconciler. */
    waiting: (): Promise<WaitingBlast[]> => find({ 'blasts.state': 'waiting' }),

    /** Searches that have not ended, of all analyses of a sample. */
    waitingOfSample: (sampleId: string): Promise<WaitingBlast[]> =>
      find({ 'sample.id': sampleId, 'blasts.state': 'waiting' }),
  };
}

/** The searches of an analysis that have not ended. */
export function waitingOf({
  _id,
  sample,
  blasts = [],
}: Pick<AnalysisDocument, '_id' | 'sample' | 'blasts'>): WaitingBlast[] {
  return blasts
    .filter(({ state }) => state === 'waiting')
    .map(({ index, rid, ticket, last_checked_at: lastCheckedAt }) => ({
      ...{ analysisId: _id, sampleId: sample.id, index, rid, lastCheckedAt },
      ...(ticket === undefined ? {} : { ticket }),
    }));
}
