import type { Filter, UpdateFilter } from 'mongodb';
import type { BlastError, BlastResult, BlastSearch } from '../contracts/blast.js';
import type { AnalysisDocument, BlastDocument } from './analyses.js';
import type { Database } from './database/database.js';

/** A search that has not ended, and the sample whose contig it is about. */
export type WaitingBlast = BlastSearch & { sampleId: string; lastCheckedAt: Date };

/** Reads and conditional writes of BLASTs in the collection `analyses`. One that is done, failed or replaced is never changed any more. */
export function createBlastStore(database: Database) {
  const analyses = database.collection<AnalysisDocument>('analyses');

  const isWaiting = ({ analysisId, index, rid }: BlastSearch) =>
    ({
      _id: analysisId,
      blasts: { $elemMatch: { index, rid, state: 'waiting' } },
    }) as Filter<AnalysisDocument>;

  const change = async (search: BlastSearch, fields: Partial<BlastDocument>): Promise<boolean> => {
    const $set = Object.fromEntries(Object.entries(fields).map(([name, value]) => [`blasts.$[own].${name}`, value]));
    const own = { 'own.index': search.index, 'own.rid': search.rid };
    const update = { $set } as UpdateFilter<AnalysisDocument>;
    return (await analyses.updateOne(isWaiting(search), update, { arrayFilters: [own] })).matchedCount === 1;
  };

  const find = async (filter: Filter<AnalysisDocument>): Promise<WaitingBlast[]> => {
    // All but the results, which may be large.
    const known = { 'blasts.index': 1, 'blasts.rid': 1, 'blasts.state': 1, 'blasts.last_checked_at': 1 };
    const found = await analyses
      .find(filter)
      .project<Pick<AnalysisDocument, '_id' | 'sample' | 'blasts'>>({ sample: 1, ...known })
      .toArray();
    return found.flatMap(waitingOf);
  };

  return {
    /**
     * Notes a search that has just been handed in, in place of a former one for the contig, which is given back. Undefined when
     * the analysis is gone.
     */
    begin(
      { analysisId, index, rid }: BlastSearch,
      interval: number,
    ): Promise<{ blast: BlastDocument; former: BlastDocument | undefined } | undefined> {
      const blast: BlastDocument = { index, rid, state: 'waiting', interval, last_checked_at: new Date() };
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
    .map(({ index, rid, last_checked_at: lastCheckedAt }) => ({
      analysisId: _id,
      sampleId: sample.id,
      index,
      rid,
      lastCheckedAt,
    }));
}
