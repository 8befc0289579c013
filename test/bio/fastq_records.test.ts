import { describe, expect, test } from 'vitest';
import { FastqReader, formatFastqRecord, readName } from '../../src/bio/fastq_records.js';
import { goldenJson } from './golden.js';

type Case = { text: string; result: [string | null, string, string][] };

function read(text: string) {
  const reader = new FastqReader();
  const lines = text.split('\n');
  if (lines.at(-1) === '') lines.pop();
  const records = lines.map((line) => reader.push(line)).filter((record) => record !== undefined);
  reader.end();
  return records;
}

describe('the FASTQ reader', () => {
  const cases = goldenJson<{ read_fastq: Case[] }>('orfs/parsers.json').read_fastq;
  // The original drops records whose third line repeats the name, misreads a quality that is a `+`, and drops half records.
  const misread = ['@r1\nACGT\n+r1\nIIII\n@r2\nAC\n+\nII\n', '@r1\nA\n+\n+\n@r2\nC\n+\nI\n', '@r1\nACGT\n'];

  test.each(cases.filter(({ text }) => !misread.includes(text)))(
    'reads $text as the original does',
    ({ text, result }) => {
      expect(read(text).map(({ header, sequence, quality }) => [`@${header}`, sequence, quality])).toEqual(result);
    },
  );

  test('understands a third line that repeats the name, and a quality that begins with + or @', () => {
    expect(read('@r1\nAC\n+r1\n+@\n@r2\nA\n+\n@\n').map(({ header, quality }) => [header, quality])).toEqual([
      ['r1', '+@'],
      ['r2', '@'],
    ]);
  });

  test('refuses half a record and lines out of place', () => {
    for (const text of ['@r1\nACGT\n', 'r1\nACGT\n+\nIIII\n', '@r1\nACGT\nIIII\n@r2\n']) {
      expect(() => read(text)).toThrow(SyntaxError);
    }
  });
});

test('a name is the first word, cut as aligners cut it', () => {
  expect(['r1', 'r1 1:N:0', 'r1\tx', 'r1/1', 'r1.2 x'].map(readName)).toEqual(['r1', 'r1', 'r1', 'r1/1', 'r1.2']);
  expect(readName(`${'n'.repeat(300)} x`)).toBe('n'.repeat(255));
});

test('a record is written with a bare third line', () => {
  expect(formatFastqRecord({ header: 'r1 x', sequence: 'AC', quality: 'II' })).toBe('@r1 x\nAC\n+\nII\n');
});
