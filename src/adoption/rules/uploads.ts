import { isSafeName } from '../../files/data_directory.js';
import { fileSize } from '../../files/folders.js';
import { eachDocument, inBatches } from '../documents.js';
import { namesIn, pathOf } from '../paths.js';
import type { Rule } from '../rule.js';

/** Nobody writes into these any more, and whether they are whole cannot be known. */
export const unfinishedUploads: Rule = {
  name: 'unfinished_uploads',
  title: 'Uploads that were cut off',
  action: 'removed',
  async *find({ store, data, setAside }) {
    const files = store.files.collection;
    for await (const { _id } of eachDocument(files, { ready: { $ne: true } }, { _id: 1 })) {
      const path = pathOf(() => data.file(_id));
      const repair = async () => {
        if (path !== undefined) await setAside(path);
        await files.deleteOne({ _id });
      };
      yield { id: _id, repair };
    }
  },
};

/** Uploads that were removed by hand, or lost. */
export const lostUploads: Rule = {
  name: 'lost_uploads',
  title: 'Uploads whose file is missing',
  action: 'removed',
  async *find({ store, data }) {
    const files = store.files.collection;
    for await (const { _id } of eachDocument(files, { ready: true }, { _id: 1 })) {
      const path = pathOf(() => data.file(_id));
      if (path !== undefined && (await fileSize(path)) !== undefined) continue;
      yield { id: _id, repair: async () => void (await files.deleteOne({ _id })) };
    }
  },
};

/** More or fewer bytes than were uploaded. */
export const changedUploads: Rule = {
  name: 'changed_uploads',
  title: 'Uploads whose file has another size than was noted',
  action: 'look at them, upload them again',
  async *find({ store, data }) {
    const sized = { ready: true, size: { $type: 'number' } };
    for await (const { _id, size } of eachDocument(store.files.collection, sized, { size: 1 })) {
      const path = pathOf(() => data.file(_id));
      const found = path === undefined ? undefined : await fileSize(path);
      if (found !== undefined && found !== size) yield { id: _id };
    }
  },
};

/** The server removes what has the form of an upload and no document, so all of it is put where it leaves it alone. */
export const unknownUploads: Rule = {
  name: 'unknown_uploads',
  title: 'Files in the folder of uploads that no document knows',
  action: 'moved away',
  async *find({ store, data, setAside }) {
    for await (const batch of inBatches(namesIn(data.files))) {
      const names = batch.filter(isSafeName).sort();
      for (const id of await store.files.unknown(names)) yield { id, repair: () => setAside(data.file(id)) };
    }
  },
};
