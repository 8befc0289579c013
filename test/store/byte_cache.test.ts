import { expect, test } from 'vitest';
import { createByteCache } from '../../src/store/byte_cache.js';

test('the longest unused values go when there is no room', () => {
  const cache = createByteCache<number>(100);
  cache.set('a', 1, 40);
  cache.set('b', 2, 40);
  expect(cache.get('a')).toBe(1);
  cache.set('c', 3, 40);
  expect(['a', 'b', 'c'].map((key) => cache.get(key))).toEqual([1, undefined, 3]);
});

test('a value takes the place of a former one, and one that is too large is not kept', () => {
  const cache = createByteCache<number>(100);
  cache.set('a', 1, 60);
  cache.set('a', 2, 60);
  cache.set('b', 3, 40);
  expect([cache.get('a'), cache.get('b')]).toEqual([2, 3]);
  cache.set('b', 4, 101);
  expect([cache.get('a'), cache.get('b')]).toEqual([2, undefined]);
});
