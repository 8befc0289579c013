import { BSON } from 'mongodb';
import type { IndexFiles, IndexPart, IndexPlace } from '../../contracts/index_files.js';

/** OTU id to version. */
export type Manifest = Record<string, number>;

/** Sequence id to OTU id. */
export type SequenceOtuMap = Record<string, string>;

/** The manifest of an index lay in a file that is gone. The message is a sentence for users. */
export class ManifestLost extends Error {
  override name = 'ManifestLost';
}

/** The fields of an index that tell where its manifest and map lie: `file` is in the index' folder. */
export type WithContents = {
  _id: string;
  reference: { id: string };
  manifest?: Manifest | 'file';
  sequence_otu_map?: SequenceOtuMap | 'file';
};

/** Keeps manifests and maps of sequences where they fit: in the document of the index, or in a file of its folder. Without files all stay in the document. */
export function createIndexContents(files: IndexFiles | undefined) {
  const read = (index: WithContents, part: IndexPart): Promise<unknown> | undefined =>
    files?.read(placeOf(index), part);

  return {
    /** Whether a manifest or map belongs into a file. */
    isLarge: (value: Manifest | SequenceOtuMap): boolean =>
      files !== undefined && BSON.calculateObjectSize(value) > files.largestInDocument,

    /** Makes the folder of a new index and writes its manifest; false when another index has the folder. */
    async writeManifest(place: IndexPlace, manifest: Manifest): Promise<boolean> {
      if (!(await files?.claim(place))) return false;
      await files?.write(place, 'manifest', manifest);
      return true;
    },

    /** Removes what {@link writeManifest} wrote for an index that is not to be. */
    removeManifest: async (place: IndexPlace): Promise<void> => files?.remove(place),

    writeSequenceOtuMap: async (index: WithContents, map: SequenceOtuMap): Promise<void> =>
      files?.write(placeOf(index), 'sequence_otu_map', map),

    /**
     * The manifest, wherever it lies.
     *
     * @throws ManifestLost when its file is gone.
     */
    async manifest(index: WithContents): Promise<Manifest> {
      if (typeof index.manifest === 'object') return index.manifest;
      const found = await read(index, 'manifest');
      if (!found) throw new ManifestLost(`The file with the manifest of index ${index._id} is missing`);
      return found as Manifest;
    },

    /** The map of sequences, wherever it lies; undefined when the index has none, or its file went with the other files. */
    async sequenceOtuMap(index: WithContents): Promise<SequenceOtuMap | undefined> {
      if (typeof index.sequence_otu_map === 'object') return index.sequence_otu_map;
      if (index.sequence_otu_map === undefined) return undefined;
      return (await read(index, 'sequence_otu_map')) as SequenceOtuMap | undefined;
    },
  };
}

function placeOf(index: WithContents): IndexPlace {
  return { referenceId: index.reference.id, indexId: index._id };
}
