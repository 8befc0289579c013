import { describe, expect, test } from 'vitest';
import { FastqReader, formatFastqRecord, PhredOffset, readName } from '../../src/bio/fastq_records.js';
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

test('a name ends at the first blank, and mates share theirs', () => {
  expect(['r1', 'r1 1:N:0', 'r1\tx', 'r1/1', 'r1/2 x', 'r1/3', 'a/b'].map(readName)).toEqual([
    ...['r1', 'r1', 'r1', 'r1', 'r1', 'r1/3', 'a/b'],
  ]);
});

test('a record is written with a bare third line', () => {
  expect(formatFastqRecord({ header: 'r1 x', sequence: 'AC', quality: 'II' })).toBe('@r1 x\nAC\n+\nII\n');
});

describe('the offset of Phred qualities', () => {
  const offsetOf = (...qualities: string[]) => {
    const offset = new PhredOffset();
    for (const quality of qualities) if (!offset.push(quality)) break;
    return offset.explicit();
  };

  test('is left to SPAdes where the first reads tell it', () => {
    expect(offsetOf('IIII', 'II5I')).toBeUndefined();
  });

  test('is 33 where all reads have the same quality, or qualities of both offsets', () => {
    for (const qualities of [['IIII', 'IIII'], ['<<<<', 'JJJJ'], ['KKKK'], ['']]) {
      expect(offsetOf(...qualities)).toBe(33);
    }
  });

  test('is 33 where only a late read tells it', () => {
    expect(offsetOf(...Array.from({ length: 100 }, () => 'IIII'), '####')).toBe(33);
  });

  test('is 64 where a quality is too high for 33', () => {
    expect(offsetOf('BBhh', 'ffff')).toBe(64);
  });
});
