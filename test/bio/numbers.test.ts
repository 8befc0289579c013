import { expect, test } from 'vitest';
import { compareCodePoints, formatFloat, roundHalfEven } from '../../src/bio/numbers.js';

test.each([
  [0, '0.0'],
  [-0, '-0.0'],
  [1, '1.0'],
  [-301, '-301.0'],
  [0.1, '0.1'],
  [0.0001, '0.0001'],
  [0.00012345, '0.00012345'],
  [0.000095, '9.5e-05'],
  [1e-5, '1e-05'],
  [-1.5e-7, '-1.5e-07'],
  [4.043369012336458e-44, '4.043369012336458e-44'],
  [5e-324, '5e-324'],
  [1.2345678901234567e-100, '1.2345678901234567e-100'],
  [123456789012345.6, '123456789012345.6'],
  [9999999999999998, '9999999999999998.0'],
  [1e16, '1e+16'],
  [1.2345678901234568e16, '1.2345678901234568e+16'],
  [1e22, '1e+22'],
  [1.7976931348623157e308, '1.7976931348623157e+308'],
  [Number.POSITIVE_INFINITY, 'inf'],
  [Number.NEGATIVE_INFINITY, '-inf'],
  [Number.NaN, 'nan'],
])('%d is written as %s', (value, text) => {
  expect(formatFloat(value)).toBe(text);
});

test.each([
  [0.0625, 3, 0.062],
  [0.1875, 3, 0.188],
  [0.3125, 3, 0.312],
  [0.9375, 3, 0.938],
  [-0.0625, 3, -0.062],
  // Not ties: the doubles lie below or above the decimal that they are written as.
  [0.0005, 3, 0.001],
  [0.0015, 3, 0.002],
  [1.0005, 3, 1],
  [2.6745, 3, 2.675],
  [0.9994999, 3, 0.999],
  [1, 3, 1],
  [0.5, 0, 0],
  [1.5, 0, 2],
  [2.5, 0, 2],
  [3.5, 0, 4],
  [-2.5, 0, -2],
  [2.4999999999999996, 0, 2],
  [80.063, 0, 80],
])('%d rounded to %d decimals is %d', (value, digits, rounded) => {
  expect(roundHalfEven(value, digits)).toBe(rounded === 0 ? 0 : rounded);
});

test('texts are ordered by code point, also beyond 16 bits', () => {
  const names = ['\u{1f9ec}', '\uffee', 'b', 'B', '10', '9'];
  expect([...names].sort(compareCodePoints)).toEqual(['10', '9', 'B', 'b', '\uffee', '\u{1f9ec}']);
});
