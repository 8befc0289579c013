import { expect, test } from 'vitest';
import { viewOf } from '../../src/bio/memory.js';
import { firstWordEnd, hashName } from '../../src/bio/name_hash.js';

function hash(name: string): string {
  const out = new Uint32Array(2);
  const bytes = Buffer.from(name);
  hashName(viewOf(bytes), 0, bytes.length, out);
  return `${out[0]} ${out[1]}`;
}

test('names are told apart up to 255 bytes', () => {
  const long = 'x'.repeat(254);
  expect(hash(`${long}ab`)).toBe(hash(`${long}ac`));
  expect(hash(`${long}a`)).not.toBe(hash(`${long}b`));
  expect(hash('a')).not.toBe(hash('a\0'));
});

test('names as sequencers count them spread evenly in both halves', () => {
  const low = new Set<number>();
  const high = new Set<number>();
  const both = new Set<string>();
  const out = new Uint32Array(2);
  const count = 200_000;
  for (let i = 0; i < count; i++) {
    const bytes = Buffer.from(`A00123:45:HXXX:1:${1101 + (i >> 12)}:${i & 4095}:1`);
    hashName(viewOf(bytes), 0, bytes.length, out);
    low.add(out[0] as number);
    high.add(out[1] as number);
    both.add(`${out[0]} ${out[1]}`);
  }
  expect(both.size).toBe(count);
  // Of 200,000 even numbers of 32 bits some 4.7 meet another one.
  expect(count - low.size).toBeLessThan(20);
  expect(count - high.size).toBeLessThan(20);
});

test('the first word ends at a blank, a tab or the end', () => {
  const end = (text: string) => firstWordEnd(viewOf(Buffer.from(text)), 0, text.length);
  expect(['ab c', 'ab\tc', 'abc', '', ' a'].map(end)).toEqual([2, 2, 3, 0, 0]);
});
