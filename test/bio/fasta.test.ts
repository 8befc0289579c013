import { describe, expect, test } from 'vitest';
import { type FastaProblemCode, type FastaResult, FastaValidator } from '../../src/bio/fasta.js';

function check(text: string, chunkBytes = 7): FastaResult {
  const bytes = Buffer.from(text, 'latin1');
  const validator = new FastaValidator();
  for (let i = 0; i < bytes.length; i += chunkBytes) if (!validator.push(bytes.subarray(i, i + chunkBytes))) break;
  return validator.finish();
}

function problemOf(text: string, chunkBytes?: number) {
  const result = check(text, chunkBytes);
  return result.ok ? undefined : result.problem;
}

const GOOD = '>one first\nACGTNNacgtnn\nRYKM\n>two\nTTTT\n';

test.each([1, 2, 3, 7, 100])('letters and records are counted whatever the chunks (%d bytes)', (chunkBytes) => {
  expect(check(GOOD, chunkBytes)).toEqual({
    ok: true,
    statistics: {
      count: 2,
      bases: 20,
      gc: { a: 0.125, t: 0.375, g: 0.125, c: 0.125, n: 0.25 },
      uracils: 0,
      hasCarriageReturns: false,
    },
  });
});

// 1 of 16 is 0.0625, exactly half-way between two decimals: the even one is taken.
test('shares are rounded to 3 decimals, ties to even', () => {
  const result = check(`>one\nA${'T'.repeat(12)}CCC\n`);
  expect(result.ok && result.statistics.gc).toEqual({ a: 0.062, t: 0.75, g: 0, c: 0.188, n: 0 });
});

test('ambiguity codes other than N are no part of the shares', () => {
  const result = check('>one\nACGTRYSWKMBDHVX-\n');
  expect(result.ok && result.statistics.gc).toEqual({ a: 0.25, t: 0.25, g: 0.25, c: 0.25, n: 0 });
});

test.each([
  ['CR LF', GOOD.replaceAll('\n', '\r\n')],
  ['CR', GOOD.replaceAll('\n', '\r')],
  ['RNA', GOOD.replaceAll(/^[^>].*$/gm, (line) => line.replaceAll('T', 'U').replaceAll('t', 'u'))],
  ['no last line feed', GOOD.trimEnd()],
  ['blank lines', `\n${GOOD.replaceAll('\n', '\n\n')}\n`],
  ['blanks in the sequence', GOOD.replace('ACGT', 'AC GT\t')],
  ['equal names', GOOD.replace('two', 'one')],
  ['a header in another encoding', GOOD.replace('first', '\xff\xe9')],
  ['a > inside a header', GOOD.replace('first', '>first')],
])('%s is accepted', (_, text) => {
  const result = check(text);
  expect(result.ok && result.statistics.count).toBe(2);
  expect(result.ok && result.statistics.bases).toBe(20);
});

describe('refusals name what is wrong, where, and what to do', () => {
  test.each<[string, string, FastaProblemCode, number | undefined, RegExp]>([
    ['an empty file', '', 'empty', undefined, /is empty\. Choose a FASTA file/],
    ['blank lines only', '\n\n', 'empty', undefined, /is empty/],
    ['no header', 'ACGT\n>one\nACGT\n', 'no_header', 1, /line 1 has text before the first header.*needs a header/],
    ['FASTQ', '@read\nACGT\n+\nIIII\n', 'fastq', 1, /is FASTQ.*as FASTA/],
    ['a compressed file inside', '\x1f\x8b\x08\0', 'no_header', 1, /gzip file inside another one/],
    ['headers only', '>one\n>two\n', 'no_nucleotides', undefined, /only headers, no sequence \(2 records\)/],
    ['N only', '>one\nNNNN\nRR\n', 'no_nucleotides', undefined, /no A, C, G or T/],
    [
      'an empty record in the middle',
      '>one\nACGT\n>two x\n\n>three\nACGT\n',
      'empty_record',
      3,
      /Record 2 \('two x', line 3\) has no sequence\. Remove it/,
    ],
    ['an empty record at the end', '>one\nACGT\n>two', 'empty_record', 3, /Record 2/],
    [
      'protein',
      '>one\nACGT\nMWEGGEV\n',
      'illegal_character',
      3,
      /Line 3 \(record 1, 'one'\), character 3: 'E' .*looks like protein/,
    ],
    ['a stop sign', '>one\nACG*\n', 'illegal_character', 2, /'\*' .*Write N/],
    ['a control character', '>one\nACG\0\n', 'illegal_character', 2, /byte 0x00/],
    ['a > in the middle of a line', '>one\nACG>T\n', 'illegal_character', 2, /character 4: '>'/],
  ])('%s', (_, text, code, line, message) => {
    for (const chunkBytes of [1, 3, 1000]) {
      const problem = problemOf(text, chunkBytes);
      expect(problem?.code).toBe(code);
      expect(problem?.line).toBe(line);
      if (chunkBytes > 3) expect(problem?.message).toMatch(message);
    }
  });
});

test('nothing more is read after a refusal', () => {
  const validator = new FastaValidator();
  expect(validator.push(Buffer.from('>one\nAC!'))).toBe(false);
  expect(validator.push(Buffer.from('\n>two\nACGT\n'))).toBe(false);
  expect(validator.finish()).toMatchObject({ ok: false, problem: { code: 'illegal_character', line: 2 } });
});
