import { expect, test } from 'vitest';
import { NameTable } from '../../../src/bio/pathoscope/name_table.js';

test('names are numbered by first sight, through every growth of the table', () => {
  const table = new NameTable();
  const known = new Map<string, number>();
  const wrong: string[] = [];
  let seed = 1;
  for (let i = 0; i < 120_000; i++) {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
    const name = `HWI-ST1410:82:C2VAGACXX:7:1101:${seed % 50_000}`;
    if (!known.has(name)) known.set(name, known.size);
    if (table.add(name) !== known.get(name)) wrong.push(name);
  }
  expect(wrong).toEqual([]);
  expect(table.size).toBe(known.size);
});

test('names that differ only in length, case or encoding are different names', () => {
  const names = ['', 'r', 'rr', 'R', 'r\0', 'é', 'Ã©', '中', '\u{1f9ec}', 'x'.repeat(65_535), 'x'.repeat(65_534)];
  const table = new NameTable();
  expect(names.map((name) => table.add(name))).toEqual(names.map((_, i) => i));
  expect(names.map((name) => table.add(name))).toEqual(names.map((_, i) => i));
});

test('long names go on in the next chunk of memory', () => {
  const table = new NameTable();
  const names = Array.from({ length: 60 }, (_, i) => `${i}`.repeat(30_000));
  names.forEach((name, i) => {
    expect(table.add(name)).toBe(i);
  });
  names.forEach((name, i) => {
    expect(table.add(name)).toBe(i);
  });
});

test('a name beyond 65,535 bytes is an error', () => {
  expect(() => new NameTable().add('x'.repeat(65_536))).toThrow('longer than 65535 bytes');
  expect(() => new NameTable().add('é'.repeat(40_000))).toThrow('longer than 65535 bytes');
});

// Both have the same 32-bit hash, which alone must not make them one read.
test('names with equal hashes are different names', () => {
  const table = new NameTable();
  expect(['read72851', 'read128180', 'read72851', 'read128180'].map((name) => table.add(name))).toEqual([0, 1, 0, 1]);
});

test('a name that was not added has no number, and gets none by the question', () => {
  const table = new NameTable();
  expect(table.has('')).toBe(false);
  for (const name of ['r1', 'r2', 'é']) table.add(name);
  expect(['r1', 'r2', 'é', 'r3', 'r', ''].map((name) => table.has(name))).toEqual([
    true,
    true,
    true,
    false,
    false,
    false,
  ]);
  expect(table.size).toBe(3);
});
