import { describe, expect, test } from 'vitest';
import { type FastqFacts, type FastqProblem, type FastqProblemCode, FastqScanner } from '../../src/bio/fastq.js';

type Checked = { problem: FastqProblem | undefined; facts: Readonly<FastqFacts>; text: string; names: string[] };

function check(text: string, chunkBytes = 7): Checked {
  const bytes = Buffer.from(text, 'latin1');
  const names: string[] = [];
  const scanner = new FastqScanner((memory, start, end) => {
    names.push(Buffer.from(memory.buffer, memory.byteOffset + start, end - start).toString('latin1'));
  });
  let out = '';
  for (let i = 0; i < bytes.length && !scanner.problem; i += chunkBytes) {
    out += scanner.push(bytes.subarray(i, i + chunkBytes)).toString('latin1');
  }
  out += scanner.finish().toString('latin1');
  return { problem: scanner.problem, facts: scanner.facts, text: out, names };
}

const READ_1 = '@SIM:1 1:N:0\nACGTACGTAC\n+\nIIIIIIIII@\n';
const READ_2 = '@SIM:2 1:N:0\nTTTTT\n+\n@+III\n';
const GOOD = READ_1 + READ_2;
const CHUNKS = [1, 2, 3, 7, 1000, 100_000];

test.each(CHUNKS)('reads, bases and lengths are counted whatever the chunks (%d bytes)', (chunkBytes) => {
  const many = GOOD.repeat(50);
  expect(check(many, chunkBytes)).toEqual({
    problem: undefined,
    facts: {
      ...{ reads: 100, bases: 750, minLength: 5, maxLength: 10 },
      ...{ readsWithU: 0, lacksLineFeed: false, hasBlankEnd: false },
    },
    text: many,
    names: Array.from({ length: 100 }, (_, i) => `SIM:${(i % 2) + 1} 1:N:0`),
  });
});

test.each([
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
])('%s is accepted and stays as it is', (_, text) => {
  for (const chunkBytes of [1, 5, 1000]) {
    expect(check(text, chunkBytes)).toMatchObject({ problem: undefined, facts: { reads: 2, bases: 15 }, text });
  }
});

test('U is T in both cases, and the reads that have it are counted', () => {
  const rna = `${READ_1.replace('ACGTACGTAC', 'UCGUACGUAu')}${READ_2}`.repeat(60);
  for (const chunkBytes of CHUNKS) {
    const { text, facts } = check(rna, chunkBytes);
    expect(text).toBe(rna.replaceAll('UCGUACGUAu', 'TCGTACGTAt'));
    expect(facts).toMatchObject({ reads: 120, readsWithU: 60 });
  }
});

test('a missing last line feed is added and reported', () => {
  for (const chunkBytes of CHUNKS) {
    const { text, facts, problem } = check(GOOD.trimEnd(), chunkBytes);
    expect([problem, text]).toEqual([undefined, GOOD]);
    expect(facts).toMatchObject({ reads: 2, lacksLineFeed: true, hasBlankEnd: false });
  }
});

test('blank lines at the end are left out and reported', () => {
  for (const chunkBytes of CHUNKS) {
    const { text, facts, problem } = check(`${GOOD.repeat(40)}\n\n\n`, chunkBytes);
    expect([problem, text]).toEqual([undefined, GOOD.repeat(40)]);
    expect(facts).toMatchObject({ reads: 80, lacksLineFeed: false, hasBlankEnd: true });
  }
});

test('reads without bases are accepted, also as the last record', () => {
  expect(check(`@a\n\n+\n\n${READ_1}`)).toMatchObject({
    problem: undefined,
    facts: { reads: 2, bases: 10, minLength: 0 },
  });
  expect(check(`${READ_1}@a\n\n+\n\n`)).toMatchObject({ problem: undefined, facts: { reads: 2, minLength: 0 } });
  expect(check(`${READ_1}@a\n\n+\n`)).toMatchObject({ problem: undefined, facts: { reads: 2, minLength: 0 } });
});

test('one read is enough', () => {
  expect(check(READ_2)).toMatchObject({ problem: undefined, facts: { reads: 1, minLength: 5, maxLength: 5 } });
});

test('a read of 600 kb passes, one that no sequencer writes is refused before it fills the memory', () => {
  const long = (bases: number) => `${READ_1}@long\n${'ACGT'.repeat(bases / 4)}\n+\n${'I'.repeat(bases)}\n${READ_2}`;
  const { text, facts } = check(long(600_000), 65_536);
  expect(text).toBe(long(600_000));
  expect(facts).toMatchObject({ reads: 3, maxLength: 600_000 });
  const scanner = new FastqScanner();
  const chunk = Buffer.alloc(1 << 20, 'A');
  scanner.push(Buffer.from(`${READ_1}@endless\n`));
  for (let i = 0; i < 2048 && !scanner.problem; i++) {
    scanner.push(chunk);
    expect(i).toBeLessThan(6);
  }
  expect(scanner.problem).toMatchObject({ code: 'read_length', line: 6, record: 2 });
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
      const { problem } = check(text, chunkBytes);
      expect(problem?.code).toBe(code);
      expect(problem?.line).toBe(line);
      expect(problem?.record).toBe(record);
      expect(problem?.message).toMatch(message);
    }
  });
});

test('nothing more is read after a refusal', () => {
  const scanner = new FastqScanner();
  scanner.push(Buffer.from('>SIM:1\n'.repeat(200)));
  expect(scanner.push(Buffer.from(GOOD))).toHaveLength(0);
  expect(scanner.finish()).toHaveLength(0);
  expect(scanner.problem).toMatchObject({ code: 'fasta' });
  expect(scanner.facts.reads).toBe(0);
});
