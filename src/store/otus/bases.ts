const NOT_NUCLEOTIDE = /[^ACGTURYSWKMBDHVN]/g;
const SHOWN = 10;

/** A sequence in the form that is stored: upper case, without white space. */
export function cleanBases(sequence: string): string {
  return sequence.replace(/\s+/g, '').toUpperCase();
}

/** The first characters of a clean sequence that are no nucleotide codes (IUPAC 1984, without gaps), each once. */
export function strangeBases(sequence: string): string[] {
  return [...new Set(sequence.match(NOT_NUCLEOTIDE))].slice(0, SHOWN);
}
