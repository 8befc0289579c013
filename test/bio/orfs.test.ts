import { describe, expect, test } from 'vitest';
import { FastaReader, type FastaRecord } from '../../src/bio/contigs.js';
import { proteinName } from '../../src/bio/hmmer.js';
import { findOrfs, type Orf, reverseComplement, translate } from '../../src/bio/orfs.js';
import { goldenJson, goldenLines, goldenText } from './golden.js';

type Case = { name: string; sequence: string; result?: (Orf & { nuc: string })[]; error?: { type: string } };
type Translations = {
  codons: Record<string, string>;
  sequences: [string, string][];
  reverse_complement: [string, { result?: string; error?: unknown }][];
};

const cases = goldenLines('orfs/find_orfs.jsonl').map((line) => JSON.parse(line) as Case);
const translations = goldenJson<Translations>('orfs/translate.json');

/** What the original gives, with our start: it lets an ORF that is open at the end of the reverse strand begin before 0. */
const corrected = ({ nuc: _, pos: [start, end], ...orf }: Orf & { nuc: string }): Orf => ({
  ...orf,
  pos: [Math.max(0, start), end],
});

describe('ORFs', () => {
  test.each(cases.filter(({ result }) => result))('of $name are those of the original', ({ sequence, result = [] }) => {
    expect(findOrfs(sequence)).toEqual(result.map(corrected));
  });

  test('that begin before the contig are among the vectors', () => {
    const starts = cases.flatMap(({ result = [] }) => result.map(({ pos }) => pos[0]));
    expect([-3, -2, -1].every((start) => starts.includes(start))).toBe(true);
  });

  // The original gives up at the first letter that it cannot complement.
  test.each(cases.filter(({ error }) => error))(
    'of $name are found in spite of its ambiguous bases',
    ({ sequence }) => {
      for (const { strand, frame, pos, pro } of findOrfs(sequence)) {
        const bases = strand === 1 ? sequence : reverseComplement(sequence);
        const start = strand === 1 ? pos[0] : sequence.length - pos[1];
        expect(translate(bases.slice(start)).slice(0, pro.length)).toBe(pro);
        expect((start - frame) % 3).toBe(0);
      }
    },
  );

  test('may be open at both ends of both strands', () => {
    const orfs = findOrfs(`ATG${'GCA'.repeat(110)}`);
    expect(orfs.map(({ strand, frame, pos, pro }) => [strand, frame, ...pos, pro.length])).toEqual([
      [1, 0, 0, 333, 111],
      [1, 1, 1, 333, 110],
      [1, 2, 2, 333, 110],
      [-1, 0, 0, 333, 111],
      [-1, 1, 0, 332, 110],
      [-1, 2, 0, 331, 110],
    ]);
  });

  test('are found in contigs longer than 300 bases only', () => {
    expect(findOrfs('GCA'.repeat(100))).toEqual([]);
    expect(findOrfs(`${'GCA'.repeat(100)}G`)).not.toEqual([]);
  });
});

describe('translation', () => {
  test('is that of the original for every codon of IUPAC codes', () => {
    const codons = Object.keys(translations.codons);
    expect(codons.length).toBeGreaterThan(10_000);
    expect(Object.fromEntries(codons.map((codon) => [codon, translate(codon)]))).toEqual(translations.codons);
  });

  test('is that of the original for whole sequences', () => {
    for (const [bases, protein] of translations.sequences) expect(translate(bases)).toBe(protein);
  });
});

describe('the reverse complement', () => {
  test('is that of the original', () => {
    for (const [bases, { result }] of translations.reverse_complement) {
      if (result !== undefined) expect(reverseComplement(bases)).toBe(result);
    }
  });

  test('knows all codes of IUPAC, and takes what is none for N', () => {
    expect(reverseComplement('ACGTURYSWKMBDHVN')).toBe('NBDHVKMWSRYAACGT');
    expect(reverseComplement('A-. B')).toBe('VNNNT');
  });
});

// From the FASTA file of an assembly to the input of the HMM search, byte for byte.
test('an assembly gives the contigs and the proteins of the original', () => {
  type Contig = { index: number; sequence: string; orfs: (Orf & { index: number; hits: unknown[] })[] };
  const expected = goldenJson<Contig[]>('orfs/assembly_results.json');
  const contigs = records(goldenText('orfs/assembly.fa'))
    .filter(({ sequence }) => sequence.length >= 300)
    .map(({ sequence }) => ({ sequence, orfs: findOrfs(sequence) }))
    .filter(({ orfs }) => orfs.length > 0)
    .map(({ sequence, orfs }, index) => ({
      index,
      sequence,
      orfs: orfs.map((orf, number) => ({ ...orf, index: number, hits: [] })),
    }));
  expect(contigs).toEqual(
    expected.map((contig) => ({
      ...contig,
      orfs: contig.orfs.map((orf) => ({ ...orf, pos: [Math.max(0, orf.pos[0]), orf.pos[1]] })),
    })),
  );
  const fasta = contigs.flatMap(({ index, orfs }) =>
    orfs.map((orf) => `>${proteinName(index, orf.index)}\n${orf.pro}\n`),
  );
  expect(fasta.join('')).toBe(goldenText('orfs/assembly_orfs.fa'));
});

function records(text: string): FastaRecord[] {
  const reader = new FastaReader();
  return [
    ...text
      .trimEnd()
      .split('\n')
      .map((line) => reader.push(line)),
    reader.end(),
  ].filter((record) => record !== undefined);
}
