import { join } from 'node:path';
import { UNBUILT } from '../../store/history/history.js';
import type { IndexDocument } from '../../store/indexes/index_builds.js';
import { eachDocument, idIn, inBatches, knownIds, type Loose, workedOn } from '../documents.js';
import { isEmpty, isIndexThere, pathOf } from '../paths.js';
import type { Rule, Site } from '../rule.js';

const indexesOf = ({ store }: Site) => store.database.collection<IndexDocument>('indexes');

/** Half-built indexes block every later build of their reference. */
export const unfinishedIndexes: Rule = {
  name: 'unfinished_indexes',
  title: 'Indexes that will never be ready',
  action: 'removed, their changes wait for the next build',
  async *find(site) {
    const { store, data } = site;
    const built = await workedOn(store, ['build_index'], 'index_id');
    for await (const { _id, reference } of eachDocument(indexesOf(site), { ready: false }, { reference: 1 })) {
      if (built.has(_id)) continue;
      const folder = pathOf(() => data.index(idIn(reference) ?? '', _id));
      const repair = async () => {
        if (folder !== undefined) await site.setAside(folder);
        await store.indexBuilds.discard(_id);
      };
      yield { id: _id, repair };
    }
  },
};

/** Release 3.7.3 noted at each build that the indexes of all other references had lost their files. */
export const indexFiles: Rule = {
  name: 'index_files',
  title: 'Indexes that say wrongly whether their files are there',
  action: 'say what is on the disk',
  async *find(site) {
    const indexes = indexesOf(site);
    const { data } = site;
    // Rather a disk that is not mounted than one where all is lost.
    if (await isEmpty(join(data.root, 'references'))) return;
    const ready = eachDocument(indexes, { ready: true }, { reference: 1, has_files: 1 });
    for await (const { _id, reference, has_files } of ready) {
      const prefix = pathOf(() => join(data.index(idIn(reference) ?? '', _id), 'reference'));
      const isThere = prefix !== undefined && (await isIndexThere(prefix));
      if (has_files === isThere) continue;
      const repair = async () => void (await indexes.updateOne({ _id }, { $set: { has_files: isThere } }));
      yield { id: _id, repair };
    }
  },
};

type Tagged = { _id: { index: string; reference: string } };

/** Changes that were tagged for a build which left nothing else: no build would ever take them. */
export const lostChanges: Rule = {
  name: 'lost_changes',
  title: 'Builds that are gone, of whose changes no other build would know',
  action: 'their changes wait for the next build',
  async *find({ store }) {
    const history = store.history.collection;
    const indexes = store.database.collection<Loose>('indexes');
    const references = store.database.collection<Loose>('references');
    const tags = history.aggregate<Tagged>([
      { $match: { 'index.id': { $type: 'string', $ne: UNBUILT.id } } },
      { $group: { _id: { index: '$index.id', reference: '$reference.id' } } },
      { $sort: { '_id.index': 1, '_id.reference': 1 } },
    ]);
    for await (const batch of inBatches(tags)) {
      const built = await knownIds(
        indexes,
        batch.map(({ _id }) => _id.index),
      );
      // The history of removed references is kept as it is, for the analyses that show it.
      const kept = await knownIds(
        references,
        batch.map(({ _id }) => _id.reference),
      );
      for (const { index, reference } of batch.map(({ _id }) => _id)) {
        if (built.has(index) || !kept.has(reference)) continue;
        const own = { 'index.id': index, 'reference.id': reference };
        const repair = async () => void (await history.updateMany(own, { $set: { index: { ...UNBUILT } } }));
        yield { id: index, repair };
      }
    }
  },
};
