import { expect, test } from 'vitest';
import { FastaValidator } from '../../src/bio/fasta.js';
import { FastaForm } from '../../src/bio/fasta_form.js';

function inForm(text: string, pieces: number): string {
  const form = new FastaForm();
  const bytes = Buffer.from(text);
  const parts: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += pieces) parts.push(form.push(bytes.subarray(at, at + pieces)));
  return Buffer.concat(parts).toString();
}

test.each([1, 2, 3, 1000])('U is T in sequences, and line ends are LF, in pieces of %d bytes', (pieces) => {
  expect(inForm('>U one u\r\nACGU\racgu\n\r\n>two\r\rUU', pieces)).toBe('>U one u\nACGT\nacgt\n\n>two\n\nTT');
  const kept = '>U\nACGTNRYSWKMBDHVX-acgt\n\n>b\nA';
  expect(inForm(kept, pieces)).toBe(kept);
});

test.each([
  ['>a\r\nACGU\r\nacZ\r\n', 3],
  ['>a\rACGU\racZ\r', 3],
  ['>a\nACGU\n\nacZ', 4],
])('what is no base is told with its line, however lines end: %j', (text, line) => {
  for (const pieces of [1, 2, 100]) {
    const validator = new FastaValidator();
    const bytes = Buffer.from(text);
    for (let at = 0; at < bytes.length; at += pieces) validator.push(bytes.subarray(at, at + pieces));
    expect(validator.finish()).toMatchObject({
      ok: false,
      problem: { line, record: 1, message: expect.stringMatching(/^Line \d \(record 1, 'a'\), character 3: 'Z'/) },
    });
  }
});

test('U is counted as T, and told', () => {
  const validator = new FastaValidator();
  validator.push(Buffer.from('>a\rAUGCuu\r'));
  expect(validator.finish()).toMatchObject({
    ok: true,
    statistics: {
      bases: 6,
      uracils: 3,
      hasCarriageReturns: true,
      gc: { a: 0.167, t: 0.5, g: 0.167, c: 0.167, n: 0 },
    },
  });
});
