import type { AnalysisDocument } from '../../store/analyses.js';
import { createByteCache } from '../../store/byte_cache.js';
import type { ApiDeps } from '../deps.js';
import type { NuvsContig } from './downloads/nuvs.js';
import { encodeOtus, type FormattedOtu, formatNuvs, formatPathoscope } from './format.js';
import { openResults, readAll, readHits } from './results.js';

const CACHE_BYTES = 64 * 1024 ** 2;

/**
 * Encodes results as clients read them. Those of Pathoscope follow from hits and built OTU versions, which never change, so their text is
 * kept up to a number of bytes; whoever asks must have the right to read them each time. Only the decisions are made anew.
 */
export function createResultEncoder(deps: Pick<ApiDeps, 'store' | 'files'>, cacheBytes = CACHE_BYTES) {
  const { store } = deps;
  const cache = createByteCache<FormattedOtu[]>(cacheBytes);
  const running = new Map<string, Promise<FormattedOtu[] | undefined>>();

  const format = async (analysis: AnalysisHead): Promise<FormattedOtu[] | undefined> => {
    const results = await openResults(deps, analysis);
    if (!results) return undefined;
    const otus = await formatPathoscope(store, await readHits(results));
    const bytes = otus.reduce((sum, { json }) => sum + json.byteLength, 0);
    cache.set(analysis._id, otus, bytes);
    return otus;
  };

  // Several who ask for the same one at the same time wait for one and the same work.
  const formatOnce = (analysis: AnalysisHead) => {
    const formatting = running.get(analysis._id) ?? format(analysis).finally(() => running.delete(analysis._id));
    running.set(analysis._id, formatting);
    return formatting;
  };

  return {
    /** The JSON of the list of results, in pieces; undefined when the file with the results is gone. */
    async encode(analysis: AnalysisHead): Promise<Buffer[] | undefined> {
      if (analysis.algorithm === 'nuvs') {
        const results = await openResults(deps, analysis);
        if (!results) return undefined;
        const contigs = await formatNuvs(store, await readAll<NuvsContig>(results), analysis.blasts);
        return listOf([Buffer.from(contigs.join(','))]);
      }
      const [otus, { decision_thresholds }] = [
        cache.get(analysis._id) ?? (await formatOnce(analysis)),
        await store.settings.get(),
      ];
      return otus && listOf(encodeOtus(otus, decision_thresholds));
    },
  };
}

type AnalysisHead = Pick<AnalysisDocument, '_id' | 'sample' | 'algorithm' | 'blasts'>;

function listOf(items: Buffer[]): Buffer[] {
  return [Buffer.from('['), ...items, Buffer.from(']')];
}
