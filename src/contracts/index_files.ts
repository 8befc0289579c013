/** Whose folder. */
export type IndexPlace = { referenceId: string; indexId: string };

/** What an index can have in a file of its folder, `<part>.json`. */
export type IndexPart = 'manifest' | 'sequence_otu_map';

/** Manifests and maps of sequences of large indexes, in the folders of the indexes. */
export type IndexFiles = {
  /** Bytes of BSON above which a part belongs into a file. */
  largestInDocument: number;
  /** Makes the folder of a new index; false when another one has it. */
  claim(place: IndexPlace): Promise<boolean>;
  /** Writes a part; it is there whole afterwards, also after a crash. */
  write(place: IndexPlace, part: IndexPart, value: unknown): Promise<void>;
  /**
   * The value of a part, undefined when its file is gone.
   *
   * @throws SyntaxError when the file is no JSON.
   */
  read(place: IndexPlace, part: IndexPart): Promise<unknown>;
  /** Removes the folder of an index. */
  remove(place: IndexPlace): Promise<void>;
};
