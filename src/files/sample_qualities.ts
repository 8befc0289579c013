import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { PhredEvidence, PhredOffset } from '../contracts/reads.js';
import { publishFile, publishJson, removePath } from './publish.js';

const QUALITIES = 'qualities.json';

/** What the names of FastQC's texts begin with; the second one in samples whose reads were replaced, as those of the old reads stay. */
export type QualityTextPrefix = 'fastqc_' | 'replacement_fastqc_';

/** The quality document of a sample's reads, and FastQC's text of each of its files, read with one offset. */
export type SampleQuality = { quality: Record<string, unknown>; texts: string[] };

/**
 * What a sample keeps of its reads' quality, so that the offset can be changed exactly without reading them again: what the characters say, and
 * the quality with each offset that is possible.
 */
export type SampleQualities = {
  decided: PhredEvidence;
  byOffset: Partial<Record<PhredOffset, SampleQuality>>;
  /** `fastqc_` unless given. */
  textPrefix?: QualityTextPrefix;
};

/** Keeps the qualities in the folder of a sample. */
export function keepQualities(folder: string, qualities: SampleQualities): Promise<void> {
  return publishJson(join(folder, QUALITIES), qualities);
}

/** The kept qualities; undefined in samples of older releases. */
export async function readQualities(folder: string): Promise<SampleQualities | undefined> {
  try {
    return JSON.parse(await readFile(join(folder, QUALITIES), 'utf8')) as SampleQualities;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Writes FastQC's texts of a sample's files as `fastqc_1.txt` and `fastqc_2.txt`, or with another prefix; each appears whole. */
export async function writeQualityTexts(
  folder: string,
  { texts }: SampleQuality,
  prefix: QualityTextPrefix = 'fastqc_',
): Promise<void> {
  const pathOf = (index: number) => join(folder, `${prefix}${index + 1}.txt`);
  const partialOf = (index: number) => `${pathOf(index)}.${process.pid}.partial`;
  for (const [index, text] of texts.entries()) await writeFile(partialOf(index), text);
  for (const index of texts.keys()) await publishFile(partialOf(index), pathOf(index));
}

/** Removes the kept qualities and the texts with this prefix. */
export async function removeQualities(folder: string, prefix: QualityTextPrefix): Promise<void> {
  const texts = [1, 2].map((number) => `${prefix}${number}.txt`);
  for (const name of [QUALITIES, ...texts]) await removePath(join(folder, name));
}
