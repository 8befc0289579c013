import type { Database } from '../database/database.js';
import { type HistoryDocument, UNBUILT } from '../history/history.js';
import type { IndexDocument } from '../indexes/index_builds.js';
import type { OtuDocument } from '../otus/otus.js';

/** The newest ready index of a reference. */
export type LatestBuild = { id: string; version: number; created_at: Date; user: { id: string } };

/** What is counted for a reference, never stored. */
export type ReferenceSummary = { latest_build: LatestBuild | null; otu_count: number; unbuilt_change_count: number };

/** Counts the contents of references, for a whole page with three queries. */
export function createReferenceSummaryStore(database: Database) {
  const otus = database.collection<OtuDocument>('otus');
  const history = database.collection<HistoryDocument>('history');
  const indexes = database.collection<IndexDocument>('indexes');

  const latestBuilds = async (referenceIds: readonly string[]): Promise<Map<string, LatestBuild>> => {
    const ready = await indexes
      .find({ 'reference.id': { $in: [...referenceIds] }, ready: true })
      .project<Pick<IndexDocument, '_id' | 'version' | 'created_at' | 'user' | 'reference'>>({
        version: 1,
        created_at: 1,
        user: 1,
        reference: 1,
      })
      .sort({ version: 1 })
      .toArray();
    return new Map(
      ready.map(({ _id, version, created_at, user, reference }) => [
        reference.id,
        { id: _id, version, created_at, user },
      ]),
    );
  };

  const summaries = async (referenceIds: readonly string[]): Promise<Map<string, ReferenceSummary>> => {
    const inPage = { 'reference.id': { $in: [...referenceIds] } };
    const group = { $group: { _id: '$reference.id', count: { $sum: 1 } } };
    const [builds, otuCounts, changeCounts] = await Promise.all([
      latestBuilds(referenceIds),
      otus.aggregate<Count>([{ $match: inPage }, group]).toArray(),
      history.aggregate<Count>([{ $match: { ...inPage, 'index.id': UNBUILT.id } }, group]).toArray(),
    ]);
    const [otuCount, changeCount] = [otuCounts, changeCounts].map(toMap);
    return new Map(
      referenceIds.map((id) => [
        id,
        {
          latest_build: builds.get(id) ?? null,
          otu_count: otuCount?.get(id) ?? 0,
          unbuilt_change_count: changeCount?.get(id) ?? 0,
        },
      ]),
    );
  };

  return {
    /** The summaries of a page of references, by id; an entry for every id. */
    summaries,

    /** The summary of one reference. */
    async summary(referenceId: string): Promise<ReferenceSummary> {
      const found = (await summaries([referenceId])).get(referenceId);
      return found ?? { latest_build: null, otu_count: 0, unbuilt_change_count: 0 };
    },
  };
}

type Count = { _id: string; count: number };

function toMap(counts: readonly Count[]): Map<string, number> {
  return new Map(counts.map(({ _id, count }) => [_id, count]));
}
