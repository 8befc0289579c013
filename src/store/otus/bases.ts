const BLANKS = /\s+/g;
const NOT_NUCLEOTIDE = /[^ACGTURYSWKMBDHVN]/gi;
const SHOWN = 10;

/** What is said about sequences with U, since only T is stored. */
export function uracilNote(sequences: number): string {
  return `U was read as T in ${sequences} sequence${sequences === 1 ? '' : 's'}.`;
}

/** A sequence in the form that is stored: upper case, T for U, without white space. */
export function cleanBases(sequence: string): string {
  return sequence.replace(BLANKS, '').toUpperCase().replaceAll('U', 'T');
}

/** The bases of a stored sequence for programs and files, with T for U, which databases of old releases hold. */
export function writtenBases(sequence: string): string {
  return sequence.replaceAll('U', 'T').replaceAll('u', 't');
}

/** Whether a sequence holds U or u. */
export function holdsUracil(sequence: string): boolean {
  return /u/i.test(sequence);
}

/**
 * What is wrong with a sequence as somebody wrote it, as a sentence without subject; undefined when all characters are nucleotide codes (IUPAC
 * 1984, without gaps). The position counts from 1, without white space.
 */
export function findStrangeBases(sequence: string): string | undefined {
  const written = sequence.replace(BLANKS, '');
  const at = written.search(NOT_NUCLEOTIDE);
  if (at < 0) return undefined;
  const strange = [...new Set(written.slice(at).match(NOT_NUCLEOTIDE)?.map(inUpperCase))];
  const shown = strange.slice(0, SHOWN).join(' ');
  return `holds characters that are not IUPAC nucleotide codes: ${shown} (the first one at base ${at + 1})`;
}

// Others than letters of ASCII may become two.
function inUpperCase(character: string): string {
  return character <= 'z' ? character.toUpperCase() : character;
}
