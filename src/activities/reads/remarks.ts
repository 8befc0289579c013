import type { Warning } from '../../contracts/reads.js';
import { InvalidInput } from '../errors.js';
import type { ReadFileFindings } from './read_file.js';

/** Both workflows are made and tested for reads of Illumina's length; merged mates have 600 bases at most. */
const SHORT_READ_BASES = 1_000;
/** No mate of a fragment is so short; index reads have 6 to 12 bases. */
const MATE_BASES = 20;

/**
 * What users should know of a sample's reads, from what its files hold.
 *
 * @throws InvalidInput when a file is no mate but an index read. In a small-RNA library, whose reads may be as short, it is a warning.
 */
export function warningsOf(
  files: readonly ReadFileFindings[],
  names: readonly string[],
  isSmallRna: boolean,
): Warning[] {
  const warnings: Warning[] = [];
  const longest = Math.max(...files.map(({ maxLength }) => maxLength));
  if (longest > SHORT_READ_BASES) {
    const message =
      `The longest read has ${longest} bases. Pathoscope and NuVs are made for short reads, up to ${SHORT_READ_BASES} bases: of longer ones ` +
      'they may miss viruses.';
    warnings.push({ code: 'long_reads', message });
  }
  const short = files.findIndex(({ maxLength }) => maxLength < MATE_BASES);
  if (files.length === 2 && short >= 0) {
    const message = `${names[short]} may be no mate but an index read: none of its reads has ${MATE_BASES} bases, the longest ${files[short]?.maxLength}.`;
    if (!isSmallRna) {
      throw new InvalidInput(message, 'Choose the file of the second mates, or make a sample of the other file alone.');
    }
    warnings.push({ code: 'short_mates', message });
  }
  return warnings;
}

/** What was changed in the reads while they were copied, a sentence each. */
export function notesOf(files: readonly ReadFileFindings[], names: readonly string[]): string[] {
  const notes: string[] = [];
  const withU = files.reduce((sum, { readsWithU }) => sum + readsWithU, 0);
  if (withU > 0) notes.push(`U was read as T in ${withU} ${withU === 1 ? 'read' : 'reads'}.`);
  for (const [index, file] of files.entries()) {
    const name = names[index] as string;
    if (file.hasOtherLineEnds) notes.push(`The ends of lines of ${name} were written as line feeds.`);
    if (file.hasPadding) notes.push(`Zeros between or behind the parts of the gzip data of ${name} were left out.`);
    if (file.hasBlankEnd) notes.push(`Blank lines at the end of ${name} were left out.`);
    if (file.lacksLineFeed) notes.push(`The last line of ${name} got its line feed.`);
  }
  return notes;
}
