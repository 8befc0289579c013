import { createHash } from 'node:crypto';
import { basename, join } from 'node:path';
import type { BuildIndexArgs } from '../../contracts/build_index.js';
import type { CreateSampleArgs } from '../../contracts/create_sample.js';
import type { CreateSubtractionArgs } from '../../contracts/create_subtraction.js';
import type { StepInput } from '../../contracts/jobs.js';
import type { UpdateSampleArgs } from '../../contracts/update_sample.js';
import { checksumProduct } from '../../files/checksums.js';
import type { DataDirectory } from '../../files/data_directory.js';
import type { FileRecord } from '../../store/provenance.js';

const INDEX_PARTS = ['1', '2', '3', '4', 'rev.1', 'rev.2'];

/** Names of the files of a bowtie2 index; a large one has the second ending. */
export function indexFiles(prefix: string): string[] {
  return ['bt2', 'bt2l'].flatMap((ending) => INDEX_PARTS.map((part) => `${prefix}.${part}.${ending}`));
}

/** The read files of a sample; those from before release 3.4 are not compressed. */
export function readFiles(data: DataDirectory, sampleId: string): string[] {
  const folder = data.sample(sampleId);
  return ['reads_1.fq.gz', 'reads_2.fq.gz', 'reads_1.fastq', 'reads_2.fastq'].map((name) => join(folder, name));
}

/** Finished files by their content; those that are not there are left out. */
export async function describeFiles(paths: readonly string[], signal: AbortSignal): Promise<FileRecord[]> {
  const found: FileRecord[] = [];
  for (const path of paths) {
    const checksum = await checksumProduct(path, signal);
    if (checksum) found.push({ name: basename(path), ...checksum });
  }
  return found;
}

/** One checksum for several files, null when there are none: SHA-256 of the list of their names and checksums as JSON. */
export function combine(files: readonly FileRecord[]): string | null {
  if (files.length === 0) return null;
  return hashText(JSON.stringify(files.map(({ name, sha256 }) => [name, sha256])));
}

/** SHA-256 of a text in UTF-8, in hexadecimal. */
export function hashText(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** What a step finishes that analyses work on, so that no analysis has to wait for its checksums. */
const PRODUCTS: Record<string, (data: DataDirectory, args: never) => string[]> = {
  'create_sample clean_watch': (data, args: CreateSampleArgs) => readFiles(data, args.sample_id),
  'update_sample replace_old': (data, args: UpdateSampleArgs) => readFiles(data, args.sample_id),
  'create_subtraction compress': (data, args: CreateSubtractionArgs) =>
    indexFiles(join(data.subtraction(args.subtraction_id), 'reference')),
  'build_index replace_old': (data, args: BuildIndexArgs) =>
    indexFiles(join(data.index(args.ref_id, args.index_id), 'reference')),
};

/** Notes the checksums of what a step has finished. */
export async function noteProducts(data: DataDirectory, input: StepInput, signal: AbortSignal): Promise<void> {
  const products = PRODUCTS[`${input.task} ${input.stage}`];
  if (products) await describeFiles(products(data, input.args as never), signal);
}
