import { isSafeName, subtractionSlug } from '../../files/data_directory.js';
import { COLLECTIONS, type CollectionName } from '../../store/database/database.js';
import { eachDocument, type Loose } from '../documents.js';
import type { Rule } from '../rule.js';

/** Collections whose ids are names of files or folders. */
const ON_DISK: CollectionName[] = ['samples', 'analyses', 'caches', 'files', 'jobs', 'references', 'indexes'];

/** This server knows documents by ids that are texts. */
export const foreignIds: Rule = {
  name: 'foreign_ids',
  title: 'Documents whose id is no text',
  action: 'nobody can see or change them here',
  async *find({ store }) {
    for (const name of COLLECTIONS) {
      const odd = store.database.db.collection(name).find({ _id: { $not: { $type: 'string' } } });
      for await (const { _id } of odd.project({ _id: 1 })) yield { id: `${name} ${String(_id)}` };
    }
  },
};

/** A name of a host such as `../x` would have reached other folders. */
export const unsafeIds: Rule = {
  name: 'unsafe_ids',
  title: 'Documents whose id is no name for a file or folder',
  action: 'they have no files here; make them again under another name',
  async *find({ store }) {
    for (const name of ON_DISK) {
      const documents = eachDocument(store.database.collection<Loose>(name), {}, { _id: 1 });
      for await (const { _id } of documents) if (!isSafeName(_id)) yield { id: `${name} ${_id}` };
    }
    for (const name of await store.subtractions.names()) {
      if (!isSafeName(subtractionSlug(name))) yield { id: `subtraction ${name}` };
    }
  },
};
