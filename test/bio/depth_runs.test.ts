import { expect, test } from 'vitest';
import { depthRuns, packDepths, unpackDepths } from '../../src/bio/depth_runs.js';

test('runs are the stretches of one depth', () => {
  expect([...depthRuns([0, 0, 3, 3, 3, 1])]).toEqual([
    { start: 0, end: 2, depth: 0 },
    { start: 2, end: 5, depth: 3 },
    { start: 5, end: 6, depth: 1 },
  ]);
  expect([...depthRuns([])]).toEqual([]);
});

test.each([
  [[]],
  [[0]],
  [[5]],
  [[0, 0, 1, 1, 2, 3, 3, 3, 0]],
  [new Array<number>(300).fill(7)],
  [[0, 4_294_967_295, 0, 127, 128, 16_383, 16_384]],
  [Array.from({ length: 10_000 }, (_, i) => (i * i) % 97)],
])('packed depths come back', (depths) => {
  expect([...unpackDepths(packDepths(depths))]).toEqual(depths);
});

test('the text is what was written down: the same depths give it again', () => {
  // 2 bases at +0; 3 bases at +3 (6); 1 base at -2 (3)
  expect(packDepths([0, 0, 3, 3, 3, 1])).toBe(Buffer.from([2, 0, 3, 6, 1, 3]).toString('base64'));
  expect(packDepths(new Array<number>(200).fill(0))).toBe(Buffer.from([0xc8, 1, 0]).toString('base64'));
});

test('a smooth coverage takes few bytes', () => {
  const depths = Array.from({ length: 10_000 }, (_, i) => Math.floor(i / 10) % 50);
  expect(packDepths(depths).length).toBeLessThan(3_000);
});

test.each([
  ['a run without a depth', [1]],
  ['half a number', [1, 0, 0x80]],
  ['a depth below none', [1, 1]],
  ['more bases than there can be', [0xff, 0xff, 0xff, 0xff, 0xff, 1, 0]],
])('%s is an error', (_, bytes) => {
  expect(() => unpackDepths(Buffer.from(bytes).toString('base64'))).toThrow(RangeError);
});
