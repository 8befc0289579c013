import type { Filter, FindCursor } from 'mongodb';
import type { Database, Stored } from '../database/database.js';
import { findKeptPage, findPage, type Page, type PageRequest } from '../database/pages.js';
import type { JoinedOtu } from '../otus/otus.js';
import { inScope, type ReferenceScope } from '../references/reference_rights.js';
import type { OtuDiff } from './otu_diff.js';

/** What made a change; part of the wire contract. */
export type HistoryMethod =
  | 'create'
  | 'edit'
  | 'remove'
  | 'add_isolate'
  | 'edit_isolate'
  | 'set_as_default'
  | 'remove_isolate'
  | 'create_sequence'
  | 'edit_sequence'
  | 'remove_sequence'
  | 'clone'
  | 'import'
  | 'remote'
  | 'update';

/** The version after a change, or `removed` after the last one. Texts sort above numbers in the database. */
export type OtuVersion = number | 'removed';

/** One change of an OTU, as stored. Its id is the OTU's and the new version, joined by a dot. */
export type HistoryDocument = Stored & {
  method_name: HistoryMethod;
  description: string;
  created_at: Date;
  /** `name` is the one before the change. */
  otu: { id: string; name: string; version: OtuVersion };
  reference: { id: string };
  /** The index that the change went into, or {@link UNBUILT}. */
  index: { id: string; version: number | 'unbuilt' };
  user: { id: string };
  /** Operations; the whole OTU for `create` (the new one) and `remove` (the old one). */
  diff: OtuDiff | JoinedOtu;
  /** The update of the reference that made this change; absent where a person did. */
  process?: { id: string };
  /** Only on `remove`: the OTU was the internal control of its reference. */
  internal_control?: true;
};

/** A change in lists and messages: all but the diff. */
export type HistoryListItem = Omit<HistoryDocument, 'diff'>;

/** The index of changes that no index holds yet. */
export const UNBUILT = { id: 'unbuilt', version: 'unbuilt' } as const;

/** Projection of lists and messages. */
export const HISTORY_PROJECTION = { diff: 0 } as const;

/** How many changes there are and how many OTUs they are of. */
export type ChangeCounts = { changes: number; otus: number };

/** Id of the change that led to this version of an OTU. */
export function changeId(otuId: string, version: OtuVersion): string {
  return `${otuId}.${version}`;
}

/** A name with its abbreviation, where there is one, as descriptions have it. */
export function nameWithAbbreviation(otu: { name: string; abbreviation?: string }): string {
  return otu.abbreviation ? `${otu.name} (${otu.abbreviation})` : otu.name;
}

/** Changes of an OTU that are read at once; their diffs may be large. */
const READ_AHEAD = 20;

/** Access to the collection `history`. */
export type HistoryStore = ReturnType<typeof createHistoryStore>;

/** Reads of changes. */
export function createHistoryStore(database: Database) {
  const history = database.collection<HistoryDocument>('history');
  const kept = database.kept.of('history');

  const count = async (filter: Filter<HistoryDocument>): Promise<ChangeCounts> => {
    const [found] = await history
      .aggregate<ChangeCounts>([
        { $match: filter },
        { $group: { _id: '$otu.id', changes: { $sum: 1 } } },
        { $group: { _id: null, changes: { $sum: '$changes' }, otus: { $sum: 1 } } },
      ])
      .toArray();
    return { changes: found?.changes ?? 0, otus: found?.otus ?? 0 };
  };

  return {
    collection: history,

    get: (changeId: string) => history.findOne({ _id: changeId }),

    /** One page of changes, newest versions first, without diffs. */
    list(
      query: { scope: ReferenceScope; unbuilt?: boolean | undefined },
      request: PageRequest,
    ): Promise<Page<HistoryListItem>> {
      const index = query.unbuilt === undefined ? {} : { 'index.id': query.unbuilt ? UNBUILT.id : { $ne: UNBUILT.id } };
      return findKeptPage(
        history,
        {
          kept,
          base: { ...inScope(query.scope), ...index } as Filter<HistoryDocument>,
          sort: { 'otu.version': -1, created_at: -1, _id: 1 },
          projection: HISTORY_PROJECTION,
        },
        request,
      );
    },

    /** One page of the changes that went into an index, by OTU name, newest versions first, without diffs. */
    ofIndex(indexId: string, term: string | undefined, request: PageRequest): Promise<Page<HistoryListItem>> {
      return findKeptPage(
        history,
        {
          kept,
          find: term,
          base: { 'index.id': indexId },
          sort: { 'otu.name': 1, 'otu.version': -1, _id: 1 },
          projection: HISTORY_PROJECTION,
        },
        request,
      );
    },

    /** All changes of an OTU with their diffs, oldest first; read one after the other, a few are in memory at a time. */
    ofOtu: (otuId: string): FindCursor<HistoryDocument> =>
      history.find({ 'otu.id': otuId }, { batchSize: READ_AHEAD }).sort({ 'otu.version': 1 }),

    /** One page of the changes of an OTU, oldest first, without diffs. */
    listOfOtu(otuId: string, request: PageRequest): Promise<Page<HistoryListItem>> {
      // A version comes once in the history of an OTU.
      return findPage(
        history,
        {
          base: { 'otu.id': otuId },
          sort: { 'otu.version': 1 },
          projection: HISTORY_PROJECTION,
        },
        request,
      );
    },

    /** The newest unbuilt change of an OTU, without its diff. */
    newestUnbuilt: (otuId: string): Promise<HistoryListItem | null> =>
      history.findOne<HistoryListItem>(
        { 'otu.id': otuId, 'index.id': UNBUILT.id },
        { sort: { 'otu.version': -1 }, projection: HISTORY_PROJECTION },
      ),

    /** Counts of the unbuilt changes of some references. */
    countUnbuilt: (scope: ReferenceScope): Promise<ChangeCounts> =>
      count({ 'index.id': UNBUILT.id, ...inScope(scope) } as Filter<HistoryDocument>),

    /** Who made how many of the changes that the filter names, in the order of everyone's first one. */
    async contributors(where: { referenceId: string } | { indexId: string }): Promise<{ id: string; count: number }[]> {
      const filter = 'indexId' in where ? { 'index.id': where.indexId } : { 'reference.id': where.referenceId };
      const found = await history
        .aggregate<{ _id: string; count: number }>([
          { $match: filter },
          { $group: { _id: '$user.id', count: { $sum: 1 }, first: { $min: '$created_at' } } },
          { $sort: { first: 1, _id: 1 } },
        ])
        .toArray();
      return found.map((row) => ({ id: row._id, count: row.count }));
    },
  };
}
