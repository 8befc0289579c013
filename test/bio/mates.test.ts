import { describe, expect, test } from 'vitest';
import { MateComparer, type MateProblem } from '../../src/bio/mates.js';
import { viewOf } from '../../src/bio/memory.js';

type Read = [header: string, sequence: string];

/** Compares two files that come `ahead` records of the left one before one of the right one. */
function compare(left: Read[], right: Read[], { byName = true, ahead = 1 } = {}): MateProblem | undefined {
  const mates = new MateComparer(byName);
  const take = (side: 0 | 1, [header, sequence]: Read) => {
    const bytes = Buffer.from(`${header}\n${sequence}`);
    mates.take(side, viewOf(bytes), 0, header.length, header.length + 1, bytes.length);
  };
  for (let i = 0; i < Math.max(left.length, right.length); i += ahead) {
    for (const read of left.slice(i, i + ahead)) take(0, read);
    if (i + ahead >= left.length && i < left.length) mates.end(0);
    for (const read of right.slice(i, i + ahead)) take(1, read);
    if (i + ahead >= right.length && i < right.length) mates.end(1);
  }
  return mates.problem;
}

const SEQUENCES = ['ACGT', 'TTGA', 'CCGA', 'GATT', 'AAAC', 'GCGC', 'TATA', 'CAGT', 'GGGA', 'TCTC', 'ATAT', 'CCCC'];
const file = (name: (spot: number) => string, spots: number[], shift = 0): Read[] =>
  spots.map((spot) => [name(spot), SEQUENCES[(spot + shift) % SEQUENCES.length] as string]);
const SPOTS = Array.from({ length: 12 }, (_, i) => i + 1);

describe('mates are told by their names', () => {
  test.each<[string, (spot: number) => string, (spot: number) => string]>([
    ['/1 and /2', (n) => `HWI:${n}/1`, (n) => `HWI:${n}/2`],
    ['/1 and /3 of a run with index reads', (n) => `HWI:${n}#0/1`, (n) => `HWI:${n}#0/3`],
    ['/2 and /1, files the other way round', (n) => `HWI:${n}/2`, (n) => `HWI:${n}/1`],
    ['/1 and nothing', (n) => `HWI:${n}/1`, (n) => `HWI:${n}`],
    ['.1 and .2', (n) => `SRR1.${n}.1`, (n) => `SRR1.${n}.2`],
    ['.1 and .2 with comments', (n) => `SRR1.${n}.1 ${n} length=150`, (n) => `SRR1.${n}.2 ${n} length=148`],
    ['_1 and _2', (n) => `read_${n}_1`, (n) => `read_${n}_2`],
    ['comments of Casava', (n) => `A00:1:${n} 1:N:0:ATCACG`, (n) => `A00:1:${n} 2:N:0:ATCACG`],
    ['a comment behind a tab', (n) => `A00:1:${n}\tRX:Z:A`, (n) => `A00:1:${n}\tRX:Z:CC`],
    ['equal names that end in .1 or .2', (n) => `SRR1.${n}`, (n) => `SRR1.${n}`],
    ['equal names that end in _1 or _2', (n) => `read_${n} x`, (n) => `read_${n} y`],
    ['single numbers', (n) => `${n}`, (n) => `${n}`],
    ['single numbers with /1 and /2', (n) => `${n}/1`, (n) => `${n}/2`],
    ['no names at all', () => '', () => ''],
  ])('%s', (_, left, right) => {
    for (const ahead of [1, 3, 100])
      expect(compare(file(left, SPOTS), file(right, SPOTS, 1), { ahead })).toBeUndefined();
  });
});

describe('the first difference is told with its record and both names', () => {
  const without = (spot: number) => SPOTS.filter((other) => other !== spot);
  test.each<[string, number, (spot: number) => string, (spot: number) => string, number, [string, string]]>([
    ['Casava', 5, (n) => `A:${n} 1:N`, (n) => `A:${n} 2:N`, 5, ['A:5', 'A:6']],
    ['/1 and /2', 5, (n) => `A:${n}/1`, (n) => `A:${n}/2`, 5, ['A:5/1', 'A:6/2']],
    ['.1 and .2', 5, (n) => `S.${n}.1`, (n) => `S.${n}.2`, 5, ['S.5.1', 'S.6.2']],
    ['numbers behind a point, from the first spot on', 1, (n) => `S.${n}`, (n) => `S.${n}`, 1, ['S.1', 'S.2']],
    ['numbers behind a line, from the first spot on', 1, (n) => `r_${n} a`, (n) => `r_${n} b`, 1, ['r_1', 'r_2']],
    ['.1 and .2, from the second spot on', 2, (n) => `S.${n}.1`, (n) => `S.${n}.2`, 2, ['S.2.1', 'S.3.2']],
    ['single numbers', 9, (n) => `${n}`, (n) => `${n}`, 9, ['9', '10']],
  ])('%s', (_, lost, left, right, record, names) => {
    for (const ahead of [1, 4, 100]) {
      const problem = compare(file(left, SPOTS), file(right, without(lost), 1), { ahead });
      expect(problem).toEqual({ code: 'names', record, names });
      const [a, b] = names;
      const other = compare(file(left, without(lost)), file(right, SPOTS, 1), { ahead });
      expect(other).toMatchObject({ code: 'names', record, names: [expect.any(String), expect.any(String)] });
      expect([a, b]).not.toEqual((other as { names: string[] }).names);
    }
  });

  test('a long name is cut', () => {
    const problem = compare([['x'.repeat(500), 'A']], [['y'.repeat(500), 'C']]);
    expect(problem).toMatchObject({ names: [`${'x'.repeat(80)}…`, `${'y'.repeat(80)}…`] });
  });
});

test('a file that has fewer reads is told with both numbers', () => {
  const name = (n: number) => `A:${n}`;
  for (const ahead of [1, 5, 100]) {
    expect(compare(file(name, SPOTS), file(name, SPOTS.slice(0, 9), 1), { ahead })).toEqual({
      code: 'counts',
      counts: [12, 9],
    });
    expect(compare(file(name, SPOTS.slice(0, 9)), file(name, SPOTS, 1), { ahead })).toEqual({
      code: 'counts',
      counts: [9, 12],
    });
  }
});

test('by order names may be anything, but not the numbers of reads', () => {
  const left = file((n) => `left${n}`, SPOTS);
  expect(
    compare(
      left,
      file((n) => `right${n}`, SPOTS, 1),
      { byName: false },
    ),
  ).toBeUndefined();
  const short = file((n) => `right${n}`, SPOTS.slice(1), 1);
  expect(compare(left, short, { byName: false })).toEqual({ code: 'counts', counts: [12, 11] });
});

test('the same sequences twice are no mates, whatever their names', () => {
  const left = file((n) => `A:${n}/1`, SPOTS);
  for (const byName of [true, false]) {
    expect(
      compare(
        left,
        file((n) => `A:${n}/2`, SPOTS),
        { byName, ahead: 5 },
      ),
    ).toEqual({ code: 'same_sequences' });
  }
  const almost = file((n) => `A:${n}/2`, SPOTS);
  almost[11] = ['A:12/2', 'GGGG'];
  expect(compare(left, almost)).toBeUndefined();
  const empty: Read[] = [
    ['a', 'NNNN'],
    ['b', ''],
  ];
  expect(compare(empty, empty)).toBeUndefined();
});
