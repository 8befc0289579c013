import { sharesFolder } from '../../files/data_directory.js';
import type { AnalysisDocument } from '../../store/analyses.js';
import type { CacheDocument } from '../../store/caches.js';
import { eachDocument, idIn, idsIn, inBatches, knownIds, type Loose, workedOn } from '../documents.js';
import { foldersOfSample, pathOf } from '../paths.js';
import type { Rule } from '../rule.js';

/** Samples whose import nobody does any more, as their job has ended, or is gone. */
export const unfinishedSamples: Rule = {
  name: 'unfinished_samples',
  title: 'Samples that are being imported for ever',
  action: 'removed, their uploads are free again',
  async *find(site) {
    const { store } = site;
    const samples = store.samples.collection;
    const imported = await workedOn(store, ['create_sample'], 'sample_id');
    for await (const { _id, files } of eachDocument(samples, { imported: 'ip' }, { files: 1 })) {
      if (imported.has(_id)) continue;
      const repair = async () => {
        for (const path of await foldersOfSample(site, _id)) await site.setAside(path);
        await store.files.releaseFromAll(idsIn(files));
        await store.samples.remove(_id);
      };
      yield { id: _id, repair };
    }
  },
};

/** Hosts whose job has ended, or is gone. */
export const unfinishedSubtractions: Rule = {
  name: 'unfinished_subtractions',
  title: 'Hosts that will never be ready',
  action: 'removed, their uploads are free again',
  async *find(site) {
    const { store, data } = site;
    const made = await workedOn(store, ['create_subtraction'], 'subtraction_id');
    for await (const { _id, file } of eachDocument(store.subtractions.collection, { ready: false }, { file: 1 })) {
      if (made.has(_id)) continue;
      const repair = async () => {
        const folder = pathOf(() => data.subtraction(_id));
        const isShared = sharesFolder(_id, await store.subtractions.names());
        if (folder !== undefined && !isShared) await site.setAside(folder);
        await store.files.releaseFromAll(idsIn([file]));
        await store.subtractions.collection.deleteOne({ _id, ready: false });
      };
      yield { id: _id, repair };
    }
  },
};

/** Analyses whose job has ended, or is gone: the server removes them when it starts, here their files are kept. */
export const unfinishedAnalyses: Rule = {
  name: 'unfinished_analyses',
  title: 'Analyses that will never be ready',
  action: 'removed',
  async *find(site) {
    const { store, data } = site;
    const analyses = store.database.collection<AnalysisDocument>('analyses');
    const worked = await workedOn(store, ['pathoscope_bowtie', 'nuvs'], 'analysis_id');
    for await (const { _id, sample } of eachDocument(analyses, { ready: false }, { sample: 1 })) {
      if (worked.has(_id)) continue;
      const folder = pathOf(() => data.analysis(idIn(sample) ?? '', _id));
      const repair = async () => {
        if (folder !== undefined) await site.setAside(folder);
        await store.analyses.remove(_id);
      };
      yield { id: _id, repair };
    }
  },
};

/** Caches that were being made, and those of samples that were removed. */
export const deadCaches: Rule = {
  name: 'dead_caches',
  title: 'Trimmed reads that were not finished, or whose sample is gone',
  action: 'removed',
  async *find({ store, data, setAside }) {
    const caches = store.database.collection<CacheDocument>('caches');
    const samples = store.database.collection<Loose>('samples');
    const all = eachDocument(caches, {}, { ready: 1, key: 1, 'sample.id': 1 });
    for await (const batch of inBatches(all)) {
      const known = await knownIds(
        samples,
        batch.flatMap(({ sample }) => idsIn([sample])),
      );
      for (const { _id, ready, key, sample } of batch) {
        // Those of this server have a key, and the jobs that make them take care of them.
        const isUnfinished = !ready && key === undefined;
        if (!isUnfinished && known.has(idIn(sample) ?? '')) continue;
        const folder = pathOf(() => data.cache(_id));
        const repair = async () => {
          if (folder !== undefined) await setAside(folder);
          await caches.deleteOne({ _id });
        };
        yield { id: _id, repair };
      }
    }
  },
};
