import { expect, test } from 'vitest';
import { depthPerBase, sparkline } from '../../../src/demo/pathoscope/sparkline.js';

test('the depth between two points lies on a line, and goes on flat after the last one', () => {
  const points = [
    [0, 0],
    [4, 8],
    [5, 2],
  ] as const;
  expect(depthPerBase({ points, length: 8 })).toEqual([0, 2, 4, 6, 8, 2, 2, 2]);
});

test('a sequence without reads has depth 0 everywhere', () => {
  expect(depthPerBase({ points: [], length: 3 })).toEqual([0, 0, 0]);
});

test('the highest part is a full block, uncovered parts are blank', () => {
  const points = [
    [0, 0],
    [9, 0],
    [10, 4],
    [19, 4],
    [20, 8],
    [29, 8],
  ] as const;
  expect(sparkline([{ points, length: 30 }], 3)).toBe(' ▅█');
});

test('segments are drawn on one scale, by their lengths, with a bar between them', () => {
  const flat = (depth: number, length: number) => ({
    points: [
      [0, depth],
      [length - 1, depth],
    ] as const,
    length,
  });
  expect(sparkline([flat(8, 300), flat(4, 100)], 9)).toBe('██████|▅▅');
});

test('a sequence shorter than its room gets a character per base', () => {
  const points = [
    [0, 1],
    [1, 2],
  ] as const;
  expect(sparkline([{ points, length: 2 }], 20)).toHaveLength(2);
});
