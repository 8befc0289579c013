import { join } from 'node:path';
import { sharesFolder } from '../../files/data_directory.js';
import type { AnalysisDocument } from '../../store/analyses.js';
import type { IndexDocument } from '../../store/indexes/index_builds.js';
import { eachDocument, idIn, type Loose, textOf, workedOn } from '../documents.js';
import { isIndexThere, isThere, pathOf } from '../paths.js';
import type { Rule } from '../rule.js';

/** Samples that can be looked at but not analysed. */
export const lostReads: Rule = {
  name: 'lost_reads',
  title: 'Samples whose reads are missing',
  action: 'put the files back, or remove the sample',
  async *find({ store, data }) {
    const imported = { imported: { $ne: 'ip' } };
    for await (const { _id, files } of eachDocument(store.samples.collection, imported, { files: 1 })) {
      const names = (Array.isArray(files) ? files : []).map((file, index) => nameOfReads(file, index));
      const paths = names.map((name) => pathOf(() => join(data.sample(_id), name)));
      const found = await Promise.all(paths.map((path) => path !== undefined && isThere(path)));
      if (found.length === 0 || found.includes(false)) yield { id: _id };
    }
  },
};

/** Before release 3.4 the list of files held the uploads, and the folder trimmed reads. */
function nameOfReads(file: unknown, index: number): string {
  const isListed = typeof file === 'object' && file !== null && 'download_url' in file && 'name' in file;
  return (isListed ? textOf(file.name) : undefined) ?? `reads_${index + 1}.fastq`;
}

/** Analyses that have nothing to show. */
export const lostResults: Rule = {
  name: 'lost_results',
  title: 'Analyses whose results are missing',
  action: 'put results.json back, or analyse again',
  async *find({ store, data }) {
    const analyses = store.database.collection<AnalysisDocument & { diagnosis?: unknown }>('analyses');
    // What a job begins again will have results.
    const worked = await workedOn(store, ['pathoscope_bowtie', 'nuvs'], 'analysis_id');
    const fields = { sample: 1, results: { $slice: 1 }, diagnosis: { $slice: 1 } };
    for await (const { _id, sample, results, diagnosis } of eachDocument(analyses, { ready: true }, fields)) {
      if (worked.has(_id) || (results !== 'file' && (results ?? diagnosis) !== undefined)) continue;
      const folder = pathOf(() => data.analysis(idIn(sample) ?? '', _id));
      const names = results === 'file' ? ['results.json', 'pathoscope.json', 'nuvs.json'] : [];
      const found = await Promise.all(names.map((name) => folder !== undefined && isThere(join(folder, name))));
      if (!found.includes(true)) yield { id: _id };
    }
  },
};

/** Hosts that no analysis can use. */
export const lostSubtractions: Rule = {
  name: 'lost_subtractions',
  title: 'Hosts whose files are missing, or lie in the folder of another one',
  action: 'make the host again under another name',
  async *find({ store, data }) {
    const all = await store.subtractions.names();
    for await (const { _id } of eachDocument(store.subtractions.collection, { ready: true }, { _id: 1 })) {
      const folder = pathOf(() => data.subtraction(_id));
      const isWhole = folder !== undefined && (await isIndexThere(join(folder, 'reference')));
      if (!isWhole || sharesFolder(_id, all)) yield { id: _id };
    }
  },
};

/** References that no analysis can use before the next build. */
export const lostIndexes: Rule = {
  name: 'lost_indexes',
  title: 'References whose latest index has no files',
  action: 'change an OTU and build the index again',
  async *find({ store, data }) {
    const indexes = store.database.collection<IndexDocument>('indexes');
    const references = store.database.collection<Loose>('references');
    for await (const { _id } of eachDocument(references, {}, { _id: 1 })) {
      const newest = { sort: { version: -1 }, projection: { _id: 1 } } as const;
      const index = await indexes.findOne({ 'reference.id': _id, ready: true }, newest);
      if (!index) continue;
      const prefix = pathOf(() => join(data.index(_id, index._id), 'reference'));
      if (prefix === undefined || !(await isIndexThere(prefix))) yield { id: _id };
    }
  },
};

/** Without the profiles NuVs finds nothing. */
export const lostHmms: Rule = {
  name: 'lost_hmms',
  title: 'HMM data without its profiles',
  action: 'install the HMM data again',
  async *find({ store, data }) {
    const { installed, installation } = await store.hmmStatus.get();
    if (installed && installation === undefined && !(await isThere(data.hmmProfiles))) yield { id: 'profiles.hmm' };
  },
};
