import { expect, test } from 'vitest';
import { TrimmedReads, type TrimmedReadsRule } from '../../src/bio/trimmed_reads.js';

const AS_THEY_ARE: TrimmedReadsRule = { phredOffset: 33, isNumbered: false };

/** Passes a text on in chunks of this size. */
function pass(text: string, rule: TrimmedReadsRule, chunkBytes = 7) {
  const reads = new TrimmedReads(rule);
  const bytes = Buffer.from(text, 'latin1');
  const passed: Buffer[] = [];
  for (let start = 0; start < bytes.length; start += chunkBytes) {
    passed.push(Buffer.from(reads.push(Buffer.from(bytes.subarray(start, start + chunkBytes)))));
  }
  passed.push(reads.end());
  return { text: Buffer.concat(passed).toString('latin1'), figures: reads.figures };
}

const fastq = (names: readonly string[], bases = 'ACGTACGTAC', quality = 'IIIIIIIIII') =>
  names.map((name) => `@${name}\n${bases}\n+\n${quality}\n`).join('');

test('reads are passed on byte for byte where nothing has to be changed, in chunks of any size', () => {
  const text = fastq(['r1 1:N:0', 'r2\tx', 'r3/1']);
  for (const chunkBytes of [1, 5, 64, 1000]) {
    const { text: passed, figures } = pass(text, AS_THEY_ARE, chunkBytes);
    expect(passed).toBe(text);
    expect(figures).toMatchObject({ reads: 3, tooManyUnknown: 0 });
  }
});

test('numbers come before the names, the same for mates, whatever the chunks', () => {
  const rule = { phredOffset: 33, isNumbered: true } as const;
  for (const chunkBytes of [1, 16, 1000]) {
    const { text } = pass(fastq(['tile0 a', 'tile0 b', '@x']), rule, chunkBytes);
    expect(text).toBe(fastq(['1 tile0 a', '2 tile0 b', '3 @x']));
  }
});

test('qualities below 0 of the offset 64 become 0, and none of the offset 33 is changed', () => {
  const text = fastq(['r1'], 'ACGTACGTAC', ';<=>?@ABhi');
  expect(pass(text, { phredOffset: 64, isNumbered: false }).text).toBe(fastq(['r1'], 'ACGTACGTAC', '@@@@@@ABhi'));
  expect(pass(text, AS_THEY_ARE).text).toBe(text);
});

// Bowtie 2 looks at a read of 100 bases with 15 of them unknown, not with 16; seen with `YF:Z:NS`.
test('reads with too many unknown bases are counted as Bowtie 2 counts them', () => {
  const unknown = (count: number, length: number) => 'N'.repeat(count) + 'a'.repeat(length - count);
  const counted = (bases: string) => pass(fastq(['r'], bases, 'I'.repeat(bases.length)), AS_THEY_ARE).figures;
  expect([unknown(15, 100), unknown(3, 20), 'RYACGTACGTACGT'].map((b) => counted(b).tooManyUnknown)).toEqual([0, 0, 0]);
  expect([unknown(16, 100), unknown(4, 20), 'RYKACGTACGTACG'].map((b) => counted(b).tooManyUnknown)).toEqual([1, 1, 1]);
});

test('the digest of names is equal for mates that share them, in this order, and for no others', () => {
  const digest = (...names: string[]) => pass(fastq(names), AS_THEY_ARE).figures.namesDigest;
  const shared = digest('a', 'b', 'c');
  expect(digest('a 1:N:0', 'b x', 'c\ty')).toBe(shared);
  for (const others of [
    ['a/1', 'b/1', 'c/1'],
    ['a', 'c', 'b'],
    ['a', 'b'],
    ['a', 'b', 'd'],
    ['a', 'b', 'c', 'c'],
  ]) {
    expect(digest(...others)).not.toBe(shared);
  }
  const long = 'n'.repeat(255);
  expect(digest(`${long}1`)).toBe(digest(`${long}2`));
});

test('a text that ends within a record is refused', () => {
  expect(() => pass('@r1\nACGT\n+\n', AS_THEY_ARE)).toThrow('in the middle of record 1');
});
