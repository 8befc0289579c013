import type { FileRef } from '../files.js';

/** A reads file of a sample, once its upload was copied. */
export type SampleFile = {
  /** Name on disk: `reads_1.fq.gz`, `reads_2.fq.gz`; `reads_1.fastq` in samples of old releases. */
  name: string;
  download_url: string;
  size: number | null;
  from: FileRef & { uploaded_at?: Date };
  raw: boolean;
  replacement?: Replacement | null;
};

/** An upload that is to take the place of a reads file. */
type Replacement = { id: string; name: string; uploaded_at: Date };

type Files = readonly (FileRef | SampleFile)[];

/** Whether the file of a sample is more than the upload that it will be copied from. */
export function isCopied(file: FileRef | SampleFile): file is SampleFile {
  return 'download_url' in file;
}

/** Whether a sample holds raw reads; those from before release 3.4 hold trimmed ones. */
export function hasRawReads({ files }: { files: Files }): boolean {
  return files.every((file) => 'raw' in file && file.raw);
}

/** Ids of the uploads that are to replace reads. */
export function replacementIds(files: Files): string[] {
  return files.flatMap((file) => (isCopied(file) && file.replacement ? [file.replacement.id] : []));
}
