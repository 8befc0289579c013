import type { Filter } from 'mongodb';
import type { Database } from '../database/database.js';
import { fields, findPage, type Page, type PageRequest } from '../database/pages.js';
import type { ChangeCounts, HistoryDocument, HistoryStore } from '../history/history.js';
import type { OtuDocument } from '../otus/otus.js';
import { inScope, type ReferenceScope } from '../references/reference_rights.js';
import type { ReferenceDocument } from '../references/references.js';
import type { IndexDocument } from './index_builds.js';

/** An index in lists and messages. */
export type IndexListItem = Omit<IndexDocument, 'manifest' | 'sequence_otu_map'>;

/** An index in lists, with the counts of its changes. */
export type CountedIndex = IndexListItem & { change_count: number; modified_otu_count: number };

/** A page of indexes; the counts at the top are those of unbuilt changes. */
export type IndexPage = Page<CountedIndex> & {
  total_otu_count: number;
  change_count: number;
  modified_otu_count: number;
};

/** The newest ready index of a reference. */
export type ReadyIndex = { id: string; version: number; reference: { id: string; name: string | null } };

/** An OTU with the number of its changes that went into an index. */
export type IndexedOtu = { id: string; name: string; change_count: number };

/** Fields that lists and messages need. */
export const INDEX_PROJECTION = fields(
  '_id',
  'created_at',
  'has_files',
  'job',
  'user',
  'ready',
  'reference',
  'version',
);

/** Reads of indexes with their counts. */
export function createIndexListStore(database: Database, historyStore: HistoryStore) {
  const indexes = database.collection<IndexDocument>('indexes');
  const otus = database.collection<OtuDocument>('otus');
  const references = database.collection<ReferenceDocument>('references');
  const history = database.collection<HistoryDocument>('history');

  const countChanges = async (indexIds: readonly string[]): Promise<Map<string, ChangeCounts>> => {
    const found = await history
      .aggregate<ChangeCounts & { _id: string }>([
        { $match: { 'index.id': { $in: [...indexIds] } } },
        { $group: { _id: { index: '$index.id', otu: '$otu.id' }, changes: { $sum: 1 } } },
        { $group: { _id: '$_id.index', changes: { $sum: '$changes' }, otus: { $sum: 1 } } },
      ])
      .toArray();
    return new Map(found.map(({ _id, changes, otus }) => [_id, { changes, otus }]));
  };

  return {
    /** One page of indexes of some references, newest versions first. */
    async list(scope: ReferenceScope, request: PageRequest): Promise<IndexPage> {
      const base = inScope(scope);
      const sort = { version: -1, _id: 1 } as const;
      const [page, unbuilt, otuCount] = await Promise.all([
        findPage(indexes, { base: base as Filter<IndexDocument>, sort, projection: INDEX_PROJECTION }, request),
        historyStore.countUnbuilt(scope),
        otus.countDocuments(base as Filter<OtuDocument>),
      ]);
      const counts = await countChanges(page.documents.map((index) => index._id));
      const documents = page.documents.map((index) => {
        const { changes, otus } = counts.get(index._id) ?? { changes: 0, otus: 0 };
        return { ...index, change_count: changes, modified_otu_count: otus };
      });
      return {
        ...page,
        documents,
        total_otu_count: otuCount,
        change_count: unbuilt.changes,
        modified_otu_count: unbuilt.otus,
      };
    },

    /** The newest ready index of each of some references, by reference id. */
    async newestReady(scope: ReferenceScope): Promise<ReadyIndex[]> {
      const ready = await indexes
        .find({ ready: true, ...inScope(scope) } as Filter<IndexDocument>)
        .project<Pick<IndexDocument, '_id' | 'version' | 'reference'>>({ version: 1, reference: 1 })
        .sort({ 'reference.id': 1, version: 1 })
        .toArray();
      const newest = [...new Map(ready.map((index) => [index.reference.id, index])).values()];
      const named = await references
        .find({ _id: { $in: newest.map((index) => index.reference.id) } })
        .project<Pick<ReferenceDocument, '_id' | 'name'>>({ name: 1 })
        .toArray();
      const names = new Map(named.map(({ _id, name }) => [_id, name]));
      return newest.map(({ _id, version, reference }) => ({
        id: _id,
        version,
        reference: { id: reference.id, name: names.get(reference.id) ?? null },
      }));
    },

    /** The OTUs whose changes went into an index, by name; each name is that of the newest change. */
    async changedOtus(indexId: string): Promise<IndexedOtu[]> {
      const found = await history
        .find({ 'index.id': indexId })
        .project<Pick<HistoryDocument, '_id' | 'otu'>>({ otu: 1 })
        .sort({ 'otu.id': 1, 'otu.version': 1 })
        .toArray();
      const changed = new Map<string, IndexedOtu>();
      for (const { otu } of found) {
        const count = changed.get(otu.id)?.change_count ?? 0;
        changed.set(otu.id, { id: otu.id, name: otu.name, change_count: count + 1 });
      }
      return [...changed.values()].sort((a, b) => (a.name === b.name ? 0 : a.name < b.name ? -1 : 1));
    },
  };
}
