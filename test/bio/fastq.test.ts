import { describe, expect, test } from 'vitest';
import { type FastqProblemCode, type FastqResult, FastqValidator } from '../../src/bio/fastq.js';

function check(text: string, chunkBytes = 7): FastqResult {
  const bytes = Buffer.from(text, 'latin1');
  const validator = new FastqValidator();
  for (let i = 0; i < bytes.length; i += chunkBytes) if (!validator.push(bytes.subarray(i, i + chunkBytes))) break;
  return validator.finish();
}

const READ_1 = '@SIM:1 1:N:0\nACGTACGTAC\n+\nIIIIIIIII@\n';
const READ_2 = '@SIM:2 1:N:0\nTTTTT\n+\n@+III\n';
const GOOD = READ_1 + READ_2;

test.each([1, 2, 3, 7, 1000])('reads, bases and lengths are counted whatever the chunks (%d bytes)', (chunkBytes) => {
  expect(check(GOOD, chunkBytes)).toEqual({
    ok: true,
    statistics: { reads: 2, bases: 15, minLength: 5, maxLength: 10, endsWithLineFeed: true },
  });
});

test.each([
  ['CR LF', GOOD.replaceAll('\n', '\r\n')],
  ['blank lines at the end', `${GOOD}\n\r\n\n`],
  ['a + line that repeats the name', GOOD.replaceAll('\n+\n', '\n+SIM:1 1:N:0\n')],
  ['lower case', GOOD.replace('ACGTACGTAC', 'acgtacgtac')],
  ['N only', GOOD.replace('ACGTACGTAC', 'NNNNNNNNNN')],
  ['IUPAC codes, X and the point for N', GOOD.replace('ACGTACGTAC', 'RYSWKMBDX.')],
  ['qualities with offset 64', GOOD.replace('IIIIIIIII@', 'hhhhhggg~b')],
  ['the lowest and the highest quality', GOOD.replace('IIIIIIIII@', '!!!!!~~~~~')],
  ['equal names', GOOD.replaceAll('SIM:2', 'SIM:1')],
  ['names in another encoding', GOOD.replace('SIM:2', '\xc3\xa9\xe4\xb8\xad\xff')],
  ['an empty name', GOOD.replace('SIM:2 1:N:0', '')],
  ['a name that begins with @', GOOD.replace('SIM:2', '@SIM')],
])('%s is accepted', (_, text) => {
  for (const chunkBytes of [1, 5, 1000]) {
    expect(check(text, chunkBytes)).toMatchObject({ ok: true, statistics: { reads: 2, bases: 15 } });
  }
});

// skewer drops the last reads of such a file, so whoever copies the reads has to know.
test.each([GOOD.trimEnd(), `${GOOD.trimEnd()}\r`])('a missing last line feed is accepted and reported', (text) => {
  expect(check(text)).toMatchObject({ ok: true, statistics: { reads: 2, endsWithLineFeed: false } });
});

test('reads without bases are accepted, also as the last record', () => {
  expect(check(`@a\n\n+\n\n${READ_1}`)).toMatchObject({ ok: true, statistics: { reads: 2, bases: 10, minLength: 0 } });
  expect(check(`${READ_1}@a\n\n+\n\n`)).toMatchObject({ ok: true, statistics: { reads: 2, minLength: 0 } });
  expect(check(`${READ_1}@a\n\n+\n`)).toMatchObject({ ok: true, statistics: { reads: 2, minLength: 0 } });
});

test('one read is enough', () => {
  expect(check(READ_2)).toMatchObject({ ok: true, statistics: { reads: 1, minLength: 5, maxLength: 5 } });
});

describe('refusals name the record, the line and what to do', () => {
  test.each<[string, string, FastqProblemCode, number | undefined, number | undefined, RegExp]>([
    ['nothing', '', 'empty', undefined, undefined, /no reads\. Choose/],
    ['blank lines only', '\n\n', 'empty', undefined, undefined, /no reads/],
    [
      'a letter',
      'This file is a letter.\n',
      'not_fastq',
      1,
      1,
      /line 1 must begin with '@' but begins with 'This file is a lette'/,
    ],
    ['binary data', '\0\x01\x02\n', 'not_fastq', 1, 1, /byte 0x00/],
    ['binary data behind an @', '@\x00\x01', 'bad_header', 1, 1, /control character \(byte 0x00\)/],
    [
      'a compressed file inside',
      '\x1f\x8b\x08\0',
      'not_fastq',
      1,
      1,
      /gzip file inside another one; compress it only once/,
    ],
    ['BAM', 'BAM\x01', 'not_fastq', 1, 1, /samtools fastq/],
    ['a byte order mark', `\xef\xbb\xbf${GOOD}`, 'not_fastq', 1, 1, /byte order mark/],
    ['FASTA', '>SIM:1\nACGT\n', 'fasta', 1, 1, /is FASTA.*quality values/],
    [
      'no plus lines',
      GOOD.replaceAll('+\n', ''),
      'missing_plus',
      3,
      1,
      /Line 3 \(record 1\) must begin with '\+' but begins with 'IIIIIIIII@'/,
    ],
    [
      'a wrapped sequence',
      `${READ_1}@SIM:2\nTTT\nTT\n+\nIIIII\n`,
      'missing_plus',
      7,
      2,
      /begins with 'TT'.*on one line/,
    ],
    [
      'too few qualities',
      READ_1 + READ_2.replace('@+III', '@+II'),
      'quality_length',
      8,
      2,
      /Record 2 \(quality on line 8\) has 5 bases but 4 quality values/,
    ],
    [
      'too many qualities',
      READ_1.replace('@\n', '@I\n') + READ_2,
      'quality_length',
      4,
      1,
      /10 bases but 11 quality values/,
    ],
    ['a blank line in the middle', `${READ_1}\n${READ_2}`, 'blank_line', 5, 2, /Line 5 is blank/],
    ['a blank line at the start', `\n${GOOD}`, 'blank_line', 1, 1, /Line 1 is blank/],
    [
      'a line too many',
      `${READ_1}IIII\n${READ_2}`,
      'missing_header',
      5,
      2,
      /Line 5 must begin with '@', as record 2 starts there, but begins with 'IIII'/,
    ],
    [
      'illegal bases',
      GOOD.replace('TTTTT', 'TTZ*7'),
      'illegal_base',
      6,
      2,
      /Line 6 \(record 2\), character 3: 'Z' is not a base/,
    ],
    ['a gap', GOOD.replace('TTTTT', 'TT-TT'), 'illegal_base', 6, 2, /'-'/],
    ['RNA', GOOD.replace('TTTTT', 'UUUUU'), 'illegal_base', 6, 2, /Write T for U/],
    ['a blank in the sequence', GOOD.replace('TTTTT', 'TT TT'), 'illegal_base', 6, 2, /byte 0x20/],
    ['a carriage return in the sequence', GOOD.replace('TTTTT', 'TT\rTT'), 'illegal_base', 6, 2, /byte 0x0d/],
    [
      'a blank in the quality',
      GOOD.replace('@+III', '@+ II'),
      'illegal_quality',
      8,
      2,
      /byte 0x20 is not a quality value/,
    ],
    ['a name only', '@SIM:1', 'incomplete_record', 1, 1, /middle of record 1 \(line 1\)/],
    ['no quality in the last record', READ_1 + READ_2.split('+')[0], 'incomplete_record', 7, 2, /cut off/],
    ['half a quality line at the end', GOOD.slice(0, -3), 'incomplete_record', 8, 2, /middle of record 2/],
    ['an endless name', `@${'x'.repeat(70_000)}`, 'bad_header', 1, 1, /longer than 65536 characters/],
  ])('%s', (_, text, code, line, record, message) => {
    for (const chunkBytes of [1, 4, 100_000]) {
      const result = check(text, chunkBytes);
      const problem = result.ok ? undefined : result.problem;
      expect(problem?.code).toBe(code);
      expect(problem?.line).toBe(line);
      expect(problem?.record).toBe(record);
      // A message may quote less where a chunk ends early.
      if (chunkBytes > 4) expect(problem?.message).toMatch(message);
    }
  });
});

test('nothing more is read after a refusal', () => {
  const validator = new FastqValidator();
  expect(validator.push(Buffer.from('>SIM:1\n'))).toBe(false);
  expect(validator.push(Buffer.from(GOOD))).toBe(false);
  expect(validator.finish()).toMatchObject({ ok: false, problem: { code: 'fasta' } });
});
