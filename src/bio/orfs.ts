/** An open reading frame: residues between two stops, or between a stop and an end of the contig. */
export type Orf = {
  /** Residues, without the stop. */
  pro: string;
  /** Bases skipped at the start of the strand: 0, 1 or 2. */
  frame: number;
  /** 1 for the contig as it is, -1 for its reverse complement. */
  strand: 1 | -1;
  /** Start (0-based) and end (exclusive) on the contig as it is, stop codon included. */
  pos: [start: number, end: number];
};

const SHORTEST_PROTEIN = 100;
const STOP = '*';
const UNKNOWN = 'X';

/** Contigs must be longer than this to hold an ORF. */
const SHORT_CONTIG = 300;

/** NCBI's genetic code 1, in the order TCAG of its bases. */
const STANDARD_CODE = 'FFLLSSSSYY**CC*WLLLLPPPPHHQQRRRRIIIMTTTTNNKKSSRRVVVVAAAADDEEGGGG';
const BASES = 'TCAG';
const CODONS = codonTable();

/** Codes of IUPAC with what pairs with them. */
const COMPLEMENTS = new Map(
  Object.entries({
    ...{ A: 'T', C: 'G', G: 'C', T: 'A', U: 'A', N: 'N', R: 'Y', Y: 'R', S: 'S', W: 'W', K: 'M', M: 'K' },
    ...{ B: 'V', V: 'B', D: 'H', H: 'D' },
  }),
);

/**
 * Translates bases in upper or lower case, codon by codon; one or two bases at the end are left out. Stops are `*`. An `N` in third
 * place does no harm where the amino acid is certain, any other ambiguity gives `X`.
 */
export function translate(bases: string): string {
  const text = bases.toUpperCase();
  let protein = '';
  for (let i = 0; i + 3 <= text.length; i += 3) protein += CODONS.get(text.slice(i, i + 3)) ?? UNKNOWN;
  return protein;
}

/** The other strand, in upper case. What is no code of IUPAC becomes `N`. */
export function reverseComplement(bases: string): string {
  let other = '';
  for (let i = bases.length - 1; i >= 0; i--) other += COMPLEMENTS.get((bases[i] as string).toUpperCase()) ?? 'N';
  return other;
}

/**
 * All ORFs of at least 100 residues: those of the strand as it is, then those of the other, each by frame and position. They need no
 * start codon, as viral proteins may begin outside of the contig.
 */
export function findOrfs(sequence: string): Orf[] {
  if (sequence.length <= SHORT_CONTIG) return [];
  const strands = [
    { strand: 1, bases: sequence },
    { strand: -1, bases: reverseComplement(sequence) },
  ] as const;
  return strands.flatMap(({ strand, bases }) =>
    [0, 1, 2].flatMap((frame) =>
      openStretches(translate(bases.slice(frame))).map(({ pro, from, to }) => ({
        pro,
        frame,
        strand,
        pos: position(sequence.length, strand, frame + 3 * from, frame + 3 * to + 3),
      })),
    ),
  );
}

/** Residues between stops, with their place in the protein. */
function openStretches(protein: string): { pro: string; from: number; to: number }[] {
  const found: { pro: string; from: number; to: number }[] = [];
  for (let from = 0; from < protein.length; ) {
    const stop = protein.indexOf(STOP, from);
    const to = stop < 0 ? protein.length : stop;
    if (to - from >= SHORTEST_PROTEIN) found.push({ pro: protein.slice(from, to), from, to });
    from = to + 1;
  }
  return found;
}

// An ORF that is open at its end has no stop codon there, so it ends with the contig.
function position(length: number, strand: 1 | -1, start: number, end: number): [number, number] {
  return strand === 1 ? [start, Math.min(length, end)] : [Math.max(0, length - end), length - start];
}

function codonTable(): Map<string, string> {
  const table = new Map<string, string>();
  for (const [i, first] of [...BASES].entries()) {
    for (const [j, second] of [...BASES].entries()) {
      const acids = STANDARD_CODE.slice(16 * i + 4 * j, 16 * i + 4 * j + 4);
      for (const [k, third] of [...BASES].entries()) table.set(first + second + third, acids[k] as string);
      if ([...acids].every((acid) => acid === acids[0])) table.set(`${first + second}N`, acids[0] as string);
    }
  }
  return table;
}
