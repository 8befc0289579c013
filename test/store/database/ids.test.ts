import { expect, test } from 'vitest';
import { serialId } from '../../../src/store/database/ids.js';

test('serial ids sort as they are numbered, also when they are drawn one by one', () => {
  const numbers = [0, 1, 35, 36, 1_295, 1_296, 839_807];
  for (const source of ['abc', 'process1', 'xyz']) {
    const ids = numbers.map((number) => serialId(source, number));
    expect(ids).toEqual(ids.toSorted());
    expect(ids.every((id) => /^[0-9a-z]{8}$/.test(id))).toBe(true);
  }
  expect(serialId('abc', 7)).not.toBe(serialId('abc', 7));
  expect(() => serialId('abc', 839_808)).toThrow(RangeError);
});
