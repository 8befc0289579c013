import { expect, test } from 'vitest';
import { coveredStretches, isOneMatch } from '../../src/bio/cigar.js';

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
  ['100M', true],
  ['5M', true],
  ['5S95M', false],
  ['50M1D50M', false],
  ['5=', false],
  ['M', false],
  ['*', false],
])('%s is one match alone: %s', (cigar, expected) => {
  const bytes = Buffer.from(`9\t${cigar}\t9M`);
  expect(isOneMatch(bytes, 2, 2 + cigar.length)).toBe(expected);
});
