import { expect, test } from 'vitest';
import { coveredStretches, matchLength, readLength } from '../../src/bio/cigar.js';
import { viewOf } from '../../src/bio/memory.js';

test.each([
  ['100M', [0, 100]],
  ['5S90M5S', [0, 90]],
  ['3H2S10M', [0, 10]],
  ['10M2D10M', [0, 10, 12, 10]],
  ['10M100N5M', [0, 10, 110, 5]],
  // An insertion lies between two neighbours of the reference.
  ['10M3I10M', [0, 20]],
  ['4=1X5=', [0, 10]],
  ['2M1P2M', [0, 4]],
  ['20S', []],
  ['*', []],
])('%s covers %j', (cigar, stretches) => {
  expect([...coveredStretches(cigar)]).toEqual(stretches);
});

test.each(['', 'M', '10', '10M5', '10Q', '1-M', '**', '10M*'])('%j is not a CIGAR', (text) => {
  expect(() => coveredStretches(text)).toThrow('Not a CIGAR');
});

test.each([
  ['100M', 100],
  ['5M', 5],
  ['5S95M', -1],
  ['50M1D50M', -1],
  ['5=', -1],
  ['M', -1],
  ['*', -1],
])('%s as one match alone: %s', (cigar, expected) => {
  const memory = viewOf(Buffer.from(`9\t${cigar}\t9M`));
  expect(matchLength(memory, 2, 2 + cigar.length)).toBe(expected);
});

test.each([
  ['100M', 100],
  ['5S90M5S', 100],
  ['50M2D30M1I19M', 100],
  ['3H10=1X2N9M', 20],
])('a read with %s has %s bases', (cigar, length) => {
  const memory = viewOf(Buffer.from(`9\t${cigar}\t9M`));
  expect(readLength(memory, 2, 2 + cigar.length)).toBe(length);
});

test('the length by what is no CIGAR is an error', () => {
  expect(() => readLength(viewOf(Buffer.from('10Q')), 0, 3)).toThrow("Not a CIGAR: '10Q'");
});
