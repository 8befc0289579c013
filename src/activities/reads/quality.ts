import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseFastqc, type Quality } from '../../bio/fastqc.js';
import { decidePhredOffset, findDifferingFile, type PhredDecision, QualityCharacters } from '../../bio/phred.js';
import type { PhredOffset, SamplePhred } from '../../contracts/reads.js';
import {
  keepQualities,
  type QualityTextPrefix,
  type SampleQuality,
  writeQualityTexts,
} from '../../files/sample_qualities.js';
import { InvalidInput } from '../errors.js';
import type { ReadFileFindings } from './read_file.js';

/** The lowest character that was ever written with 64: Solexa's -5. */
const LOWEST_OF_64 = ';'.charCodeAt(0);

/**
 * Decides the offset of a sample from all its quality characters, unless a user did, and writes FastQC's texts and what is kept for a
 * later change into the sample's folder.
 *
 * @throws InvalidInput that names the file whose qualities have another offset than its mate's, or cannot have the one that was `wanted`.
 */
export async function keepSampleQuality(
  folder: string,
  files: readonly ReadFileFindings[],
  {
    names,
    wanted,
    textPrefix,
  }: { names: readonly string[]; wanted: PhredOffset | null; textPrefix?: QualityTextPrefix | undefined },
): Promise<{ phred: SamplePhred; quality: Record<string, unknown> }> {
  const counts = files.map(({ qualityCounts }) => Float64Array.from(qualityCounts));
  const all = new QualityCharacters();
  for (const one of counts) all.add(one);
  const decided = decidePhredOffset(all.counts);
  const impossible = counts.findIndex((one) => one.some((count, code) => count > 0 && code < LOWEST_OF_64));
  if (wanted === 64 && impossible >= 0) throw refuse64(names[impossible] as string, counts[impossible] as Float64Array);
  if (wanted === null) refuseDiffering(counts, names);
  const phred: SamplePhred =
    wanted === null ? { ...decided, decided_by: 'qualities' } : { ...decided, ...byUser(wanted, decided) };
  const byOffset = { 33: qualityOf(files, 33), ...(impossible < 0 ? { 64: qualityOf(files, 64) } : {}) };
  const chosen = byOffset[phred.offset] as SampleQuality;
  await keepQualities(folder, { decided, byOffset, ...(textPrefix ? { textPrefix } : {}) });
  await writeQualityTexts(folder, chosen, textPrefix);
  return { phred, quality: chosen.quality };
}

function byUser(offset: PhredOffset, decided: PhredDecision): Pick<SamplePhred, 'offset' | 'decided_by' | 'reason'> {
  return { offset, decided_by: 'user', reason: `Set by a user. From the characters: ${decided.reason}` };
}

function qualityOf(files: readonly ReadFileFindings[], offset: PhredOffset): SampleQuality {
  const texts = files.map(({ reports }) => reports[offset]);
  const [first, second] = texts as [string, string?];
  return { quality: second === undefined ? parseFastqc(first) : parseFastqc(first, second), texts };
}

function refuse64(name: string, counts: Float64Array): InvalidInput {
  const lowest = String.fromCharCode(counts.findIndex((count) => count > 0));
  return new InvalidInput(
    `${name}: the qualities cannot have the offset 64, as they hold '${lowest}'; with 64 nothing below ';' exists.`,
    'Give phred_offset 33, or none.',
  );
}

function refuseDiffering(counts: readonly Float64Array[], names: readonly string[]): void {
  const differing = findDifferingFile(counts);
  if (differing === undefined) return;
  const other = names.find((_, index) => index !== differing);
  throw new InvalidInput(
    `The qualities of ${names[differing]} have the offset 64, those of ${other} the offset 33.`,
    'Convert one of the files, so that both have the same offset (seqtk seq -Q64 -V makes 33 of 64), or, if you know that they have, give ' +
      'phred_offset.',
  );
}

/** Reads the kept texts `<folder>/<prefix><n>.txt`. */
export async function readQuality(folder: string, files: number, prefix = 'fastqc_'): Promise<Quality> {
  const names = Array.from({ length: files }, (_, index) => `${prefix}${index + 1}.txt`);
  const [first, second] = await Promise.all(names.map((name) => readFile(join(folder, name), 'utf8')));
  return second === undefined ? parseFastqc(first as string) : parseFastqc(first as string, second);
}
