import { type IndexDocument, OtuLost } from '../../store/indexes/index_builds.js';
import type { ActivityDeps } from '../deps.js';
import { InvalidInput } from '../errors.js';
import type { Step } from '../steps/step.js';

/**
 * Which OTU each sequence of an index belongs to. Indexes of old releases do not say so, and a file can be lost: then it is worked out from
 * the OTUs at the versions of the index, and the index keeps it.
 *
 * @throws InvalidInput when an OTU cannot be rebuilt: without it the analysis might miss a virus.
 */
export async function sequenceOtuMap(
  { store }: ActivityDeps,
  { signal, log }: Pick<Step<unknown>, 'signal' | 'log'>,
  index: IndexDocument,
): Promise<Record<string, string>> {
  const stored = await store.indexBuilds.sequenceOtuMapOf(index);
  if (stored) return stored;
  log.line('The index does not say which sequences belong to which OTU: finding it out');
  const map: Record<string, string> = {};
  try {
    for await (const otu of store.indexBuilds.otusOfManifest(index._id)) {
      signal.throwIfAborted();
      for (const { _id } of otu.isolates.flatMap((isolate) => isolate.sequences)) map[_id] = otu._id;
    }
  } catch (error) {
    if (error instanceof OtuLost) throw new InvalidInput(`${error.message}.`, 'Build the index again.');
    throw error;
  }
  await store.indexBuilds.setSequenceOtuMap(index._id, map);
  return map;
}
