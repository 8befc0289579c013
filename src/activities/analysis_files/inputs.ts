import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { PathoscopeArgs } from '../../contracts/pathoscope.js';
import { fileSize } from '../../files/folders.js';
import type { TrimmedCounts } from '../../store/caches.js';
import type { IndexDocument } from '../../store/indexes/index_builds.js';
import type { SampleDocument } from '../../store/samples/samples.js';
import type { ActivityDeps } from '../deps.js';
import { InvalidInput } from '../errors.js';

/** What an analysis works on; all of it is ready. */
export type AnalysisInputs = {
  sample: SampleDocument;
  index: IndexDocument;
  folder: string;
  /** Prefix of the bowtie2 index of the reference's default isolates. */
  referencePrefix: string;
  /** Prefix of the bowtie2 index of the host. */
  subtractionPrefix: string;
};

/** Read files of an analysis as `prepare_reads` found or made them. */
export type PreparedReads = {
  paths: string[];
  cacheId: string | null;
  /** Offset of their Phred qualities. */
  phredOffset: 33 | 64;
  /** What the trimming left; absent in what a step of an older release has left. */
  counts?: TrimmedCounts;
};

/** Copies of reads that came trimmed, where an aligner could not take them as they are. Only the steps of one job need them. */
export const LEGACY_COPIES = ['reads_1.fastq', 'reads_2.fastq'] as const;

/**
 * Loads what an analysis works on.
 *
 * @throws InvalidInput when the sample, the index or the subtraction is missing or not ready.
 */
export async function loadInputs({ store, data }: ActivityDeps, args: PathoscopeArgs): Promise<AnalysisInputs> {
  const [sample, index] = await Promise.all([store.samples.get(args.sample_id), store.indexBuilds.get(args.index_id)]);
  if (!sample?.quality)
    throw new InvalidInput('The sample is not imported yet or was deleted.', 'Choose another sample.');
  if (!index?.ready) throw new InvalidInput('The index is not ready or was deleted.', 'Build the index again.');
  const subtraction = await store.subtractions.get(sample.subtraction.id);
  if (!subtraction?.ready) {
    throw new InvalidInput(
      `The subtraction ${sample.subtraction.id} is not ready or was deleted.`,
      'Make the subtraction again, then start the analysis again.',
    );
  }
  const referencePrefix = join(data.index(args.ref_id, args.index_id), 'reference');
  const subtractionPrefix = join(data.subtraction(sample.subtraction.id), 'reference');
  await requireIndexFiles(referencePrefix, 'index of the reference', 'Build the index again.');
  await requireIndexFiles(subtractionPrefix, 'index of the subtraction', 'Make the subtraction again.');
  const folder = data.analysis(args.sample_id, args.analysis_id);
  return { sample, index, folder, referencePrefix, subtractionPrefix };
}

/** The reads that `prepare_reads` left for the other steps. */
export async function loadReads(folder: string): Promise<PreparedReads> {
  const found = JSON.parse(await readFile(join(folder, 'reads.json'), 'utf8')) as PreparedReads;
  return { ...found, phredOffset: found.phredOffset ?? 33 };
}

async function requireIndexFiles(prefix: string, what: string, advice: string): Promise<void> {
  const sizes = await Promise.all(['bt2', 'bt2l'].map((ending) => fileSize(`${prefix}.1.${ending}`)));
  if (sizes.every((size) => size === undefined))
    throw new InvalidInput(`The files of the ${what} are missing.`, advice);
}
