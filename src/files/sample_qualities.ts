import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { PhredEvidence, PhredOffset } from '../contracts/reads.js';
import { publishFile, publishJson } from './publish.js';

const QUALITIES = 'qualities.json';

/** The quality document of a sample's reads, and FastQC's text of each of its files, read with one offset. */
export type SampleQuality = { quality: Record<string, unknown>; texts: string[] };

/**
 * What a sample keeps of its reads' quality, so that the offset can be changed exactly without reading them again: what the characters say, and
 * the quality with each offset that is possible.
 */
export type SampleQualities = { decided: PhredEvidence; byOffset: Partial<Record<PhredOffset, SampleQuality>> };

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

/** Writes FastQC's texts of a sample's files as `fastqc_1.txt` and `fastqc_2.txt`; each appears whole. */
export async function writeQualityTexts(folder: string, { texts }: SampleQuality): Promise<void> {
  const partialOf = (index: number) => join(folder, `fastqc_${index + 1}.txt.${process.pid}.partial`);
  for (const [index, text] of texts.entries()) await writeFile(partialOf(index), text);
  for (const index of texts.keys()) await publishFile(partialOf(index), join(folder, `fastqc_${index + 1}.txt`));
}
