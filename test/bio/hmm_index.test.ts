import { describe, expect, test } from 'vitest';
import { cutPressed, parsePressedIndex } from '../../src/bio/hmm_index.js';

const profiles = (sizes: number[]) => {
  let end = 0;
  return sizes.map((size, i) => {
    end += size;
    return { name: `vFam_${i}`, offset: end - size };
  });
};

describe('parts of a pressed file', () => {
  test('hold every byte once, and whole profiles', () => {
    const sizes = [40, 10, 10, 90, 5, 5, 5, 60, 20, 1];
    const size = sizes.reduce((sum, bytes) => sum + bytes);
    for (const count of [1, 2, 3, 4, 10, 50]) {
      const parts = cutPressed(profiles(sizes), size, count);
      expect(parts.length).toBeLessThanOrEqual(count);
      expect(parts.at(0)?.start).toBe(0);
      expect(parts.at(-1)?.end).toBe(size);
      for (const [i, part] of parts.entries()) expect(part.start).toBe(i === 0 ? 0 : parts[i - 1]?.end);
    }
  });

  test('are of about the same size', () => {
    const parts = cutPressed(profiles(Array.from({ length: 100 }, () => 10)), 1000, 4);
    expect(parts.map(({ start, end }) => end - start)).toEqual([250, 250, 250, 250]);
  });

  test('are not made where the index does not fit', () => {
    expect(() => cutPressed(profiles([10, 10]), 5, 2)).toThrow(SyntaxError);
  });
});

test('what is no index is refused', () => {
  expect(() => parsePressedIndex(new Uint8Array(10))).toThrow(SyntaxError);
  expect(() => parsePressedIndex(new Uint8Array(1000))).toThrow(SyntaxError);
});
