import { join } from 'node:path';
import { type DataDirectory, subtractionSlug } from '../../files/data_directory.js';
import type { CollectionName } from '../../store/database/database.js';
import { inBatches, knownIds, type Loose } from '../documents.js';
import { namesIn } from '../paths.js';
import type { Rule, Site } from '../rule.js';

/** Moves away what no document has a use for; the server itself would leave it there for ever. */
const ACTION = 'moved away';

/** What lies in a folder under ids that no document of a collection has. */
async function* unknownIn(site: Site, folder: string, collection: CollectionName): AsyncGenerator<string> {
  const documents = site.store.database.collection<Loose>(collection);
  for await (const batch of inBatches(namesIn(folder))) {
    const known = await knownIds(documents, batch);
    yield* batch.filter((name) => !known.has(name)).sort();
  }
}

function folderRule(
  name: string,
  title: string,
  { collection, folder }: { collection: CollectionName; folder: (data: DataDirectory) => string },
): Rule {
  return {
    name,
    title,
    action: ACTION,
    async *find(site) {
      const from = folder(site.data);
      for await (const id of unknownIn(site, from, collection)) {
        yield { id, repair: () => site.setAside(join(from, id)) };
      }
    },
  };
}

/** Folders of samples, and of analyses in those of samples that are known. */
export const unknownSamples: Rule = {
  name: 'unknown_samples',
  title: 'Folders of samples and analyses that no document knows',
  action: ACTION,
  async *find(site) {
    const samples = join(site.data.root, 'samples');
    const known = site.store.database.collection<Loose>('samples');
    for await (const batch of inBatches(namesIn(samples))) {
      const ids = await knownIds(known, batch);
      for (const id of batch.sort()) {
        if (!ids.has(id)) yield { id, repair: () => site.setAside(join(samples, id)) };
        else yield* unknownBelow(site, join(samples, id, 'analysis'), 'analyses');
      }
    }
  },
};

/** Folders of indexes, and of references that are gone. */
export const unknownIndexes: Rule = {
  name: 'unknown_indexes',
  title: 'Folders of references and indexes that no document knows',
  action: ACTION,
  async *find(site) {
    const references = join(site.data.root, 'references');
    const known = site.store.database.collection<Loose>('references');
    for await (const batch of inBatches(namesIn(references))) {
      const ids = await knownIds(known, batch);
      for (const id of batch.sort()) {
        if (!ids.has(id)) yield { id, repair: () => site.setAside(join(references, id)) };
        else yield* unknownBelow(site, join(references, id), 'indexes');
      }
    }
  },
};

async function* unknownBelow(site: Site, folder: string, collection: CollectionName) {
  for await (const id of unknownIn(site, folder, collection)) {
    yield { id, repair: () => site.setAside(join(folder, id)) };
  }
}

export const unknownCaches = folderRule('unknown_caches', 'Folders of trimmed reads that no document knows', {
  collection: 'caches',
  folder: (data) => data.caches,
});

/** Release 3.7.3 never removed the log of a job. */
export const unknownLogs = folderRule('unknown_logs', 'Logs of jobs that are gone', {
  collection: 'jobs',
  folder: (data) => join(data.root, 'logs', 'jobs'),
});

/** Folders of hosts have names that are made of theirs. */
export const unknownSubtractions: Rule = {
  name: 'unknown_subtractions',
  title: 'Folders of hosts that no document knows',
  action: ACTION,
  async *find({ store, data, setAside }) {
    const folder = join(data.root, 'subtractions');
    const known = new Set((await store.subtractions.names()).map(subtractionSlug));
    for await (const batch of inBatches(namesIn(folder))) {
      for (const name of batch.filter((one) => !known.has(one)).sort()) {
        yield { id: name, repair: () => setAside(join(folder, name)) };
      }
    }
  },
};
