import { expect, test } from 'vitest';
import { copyBytes, hashOf, isEqual, textOf, viewOf } from '../../src/bio/memory.js';

// Below and above the four bytes of a word, and with a rest beside whole words.
const TEXTS = [
  '',
  'a',
  'ab',
  'abc',
  'abcd',
  'abcde',
  'abcdefg',
  'abcdefgh',
  'HWI-ST1410:82:C2VAGACXX:7:1101:0:65049:0',
];

/** A text between others, and where it begins. */
function placed(text: string, before: string) {
  return {
    memory: viewOf(Buffer.from(`${before}${text}behind`)),
    start: before.length,
    end: before.length + text.length,
  };
}

test.each(TEXTS)('%j is equal to itself alone, wherever it lies', (text) => {
  const { memory, start, end } = placed(text, 'xyz');
  expect(isEqual(memory, start, end, placed(text, '-').memory, 1)).toBe(true);
  for (let i = 0; i < text.length; i++) {
    const other = `${text.slice(0, i)}!${text.slice(i + 1)}`;
    expect([other, isEqual(memory, start, end, placed(other, '-').memory, 1)]).toEqual([other, false]);
  }
});

test.each(TEXTS)('%j is copied whole, and nothing beside it is touched', (text) => {
  const { memory, start, end } = placed(text, 'xyz');
  const to = viewOf(Buffer.from('.'.repeat(text.length + 2)));
  copyBytes(memory, start, end, to, 1);
  expect(textOf(to, 0, to.byteLength)).toBe(`.${text}.`);
});

test('the hash of a text is the same wherever it lies, and another one for other texts', () => {
  const variants = TEXTS.flatMap((text) => [...text].map((_, i) => `${text.slice(0, i)}!${text.slice(i + 1)}`));
  const texts = [...new Set([...TEXTS, ...variants])];
  const hashes = texts.map((text) => {
    const [here, there] = [placed(text, 'xyz'), placed(text, '-')];
    const hash = hashOf(here.memory, here.start, here.end);
    expect(hashOf(there.memory, there.start, there.end)).toBe(hash);
    return hash;
  });
  expect(new Set(hashes).size).toBe(texts.length);
});

// The slots of a table are chosen by the low bits, and read names count up in their last digits.
test('names that count up fall into all slots alike', () => {
  const slots = new Uint32Array(1 << 12);
  for (let i = 0; i < 1 << 16; i++) {
    const { memory, start, end } = placed(`HWI-ST1410:82:C2VAGACXX:7:1101:${i % 20_000}:${i}`, '');
    const slot = hashOf(memory, start, end) & (slots.length - 1);
    slots[slot] = (slots[slot] as number) + 1;
  }
  // Poisson with mean 16: outside of these limits lies less than one slot in a million.
  expect(Math.min(...slots)).toBeGreaterThan(0);
  expect(Math.max(...slots)).toBeLessThan(45);
});
