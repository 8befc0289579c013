import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { InvalidInput } from '../../../src/activities/errors.js';
import { importReads } from '../../../src/activities/reads/import.js';
import { notesOf, warningsOf } from '../../../src/activities/reads/remarks.js';
import { compressFile } from '../../../src/tools/pigz.js';
import { dataFile, tempFolder } from '../../tools/support.js';
import { bgzf, context, importInto } from './support.js';

const GOOD = gunzipSync(await readFile(dataFile('bad/reads_good.fq.gz'))).toString('latin1');
const zeros = (count: number) => Buffer.alloc(count);
const records = (text: string) => text.match(/(?:.*\n){4}/g) ?? [];
const HALF = records(GOOD).slice(0, 200).join('');
const REST = records(GOOD).slice(200).join('');

/** The refusal of uploads. */
async function refusal(contents: readonly (Buffer | string)[], pairing?: 'by_order'): Promise<InvalidInput> {
  await using temp = await tempFolder();
  const error = await importInto(temp.path, contents, pairing).catch((reason) => reason);
  expect(error).toBeInstanceOf(InvalidInput);
  const left = await readdir(temp.path);
  expect(left.filter((name) => /^reads_\d\.fq\.gz$|names/.test(name))).toEqual([]);
  return error;
}

describe('gzip files are copied byte for byte when nothing has to be changed', () => {
  test.each([
    ['one member', gzipSync(GOOD)],
    ['two members', Buffer.concat([gzipSync(HALF), gzipSync(REST)])],
    [
      'a member that ends in the middle of a read',
      Buffer.concat([gzipSync(GOOD.slice(0, 777)), gzipSync(GOOD.slice(777))]),
    ],
    ['BGZF', bgzf(GOOD)],
    [
      'empty members',
      Buffer.concat([gzipSync(''), gzipSync(HALF), gzipSync(''), gzipSync(''), gzipSync(REST), gzipSync('')]),
    ],
  ])('%s', async (_, content) => {
    await using temp = await tempFolder();
    const { files, findings, texts, paths } = await importInto(temp.path, [content]);
    expect(texts).toEqual([GOOD]);
    expect(files[0]?.equals(content)).toBe(true);
    expect(findings).toMatchObject([{ reads: 400, uniqueNames: true, hasPadding: false, hasOtherLineEnds: false }]);
    const sha256 = createHash('sha256').update(content).digest('hex');
    const { mtimeMs } = await stat(paths[0] as string);
    const noted = JSON.parse(await readFile(join(temp.path, 'checksums.json'), 'utf8'));
    expect(noted).toEqual({ 'reads_1.fq.gz': { sha256, size: content.length, mtimeMs } });
    expect(notesOf(findings, ['a'])).toEqual([]);
  });
});

test('the counting thread of large files finds what one thread finds', async () => {
  const longRead = `@long\n${'ACGTTGCA'.repeat(90_000)}\n+\n${'I'.repeat(720_000)}\n`;
  const left = Buffer.from(GOOD.repeat(25) + longRead + REST);
  const right = Buffer.from(REST + HALF.repeat(50) + longRead);
  const results = [];
  for (const threads of [1, 2]) {
    await using temp = await tempFolder();
    const { findings, files } = await importInto(temp.path, [gzipSync(left), right], 'by_order', threads);
    const sha256 = files.map((file) => createHash('sha256').update(file).digest('hex'));
    results.push({ findings, sha256 });
  }
  expect(results[1]).toEqual(results[0]);
  expect(results[0]?.findings).toMatchObject([{ reads: 10_201, maxLength: 720_000 }, { reads: 10_201 }]);
  expect(results[0]?.findings[0]?.reports).not.toEqual(results[0]?.findings[1]?.reports);
});

test('a plain file is compressed as before, and its checksum is noted', async () => {
  await using temp = await tempFolder();
  const { files, texts } = await importInto(temp.path, [GOOD]);
  await compressFile({ from: join(temp.path, 'upload_0'), to: join(temp.path, 'former.gz'), threads: 2 });
  expect(texts).toEqual([GOOD]);
  expect(files[0]?.equals(await readFile(join(temp.path, 'former.gz')))).toBe(true);
  const noted = JSON.parse(await readFile(join(temp.path, 'checksums.json'), 'utf8'));
  expect(noted['reads_1.fq.gz'].sha256).toBe(
    createHash('sha256')
      .update(files[0] as Buffer)
      .digest('hex'),
  );
});

describe('what means the same is written in one form, and noted', () => {
  const CRLF = GOOD.replaceAll('\n', '\r\n');
  const mixed = records(GOOD)
    .map((record, i) => record.replaceAll('\n', ['\n', '\r\n', '\r'][i % 3] as string))
    .join('');
  const rna = GOOD.replaceAll(/^[ACGTN]+$/gm, (bases) => bases.replaceAll('T', 'U'));
  test.each<[string, Buffer, RegExp[]]>([
    ['CR LF', gzipSync(CRLF), [/ends of lines/]],
    ['CR LF without the last one', gzipSync(CRLF.trimEnd()), [/ends of lines/, /last line/]],
    ['CR LF, plain', Buffer.from(CRLF), [/ends of lines/]],
    ['CR alone', gzipSync(GOOD.replaceAll('\n', '\r')), [/ends of lines/]],
    [
      'CR alone without the last one',
      Buffer.from(GOOD.trimEnd().replaceAll('\n', '\r')),
      [/ends of lines/, /last line/],
    ],
    ['mixed ends of lines', gzipSync(mixed), [/ends of lines/]],
    ['no last line feed', gzipSync(GOOD.trimEnd()), [/last line/]],
    ['no last line feed, plain', Buffer.from(GOOD.trimEnd()), [/last line/]],
    ['blank lines at the end', gzipSync(`${GOOD}\n\n`), [/Blank lines/]],
    ['U', gzipSync(rna), [/U was read as T in 400 reads/]],
    ['zeros at the end', Buffer.concat([gzipSync(GOOD), zeros(700_000)]), [/Zeros/]],
    ['zeros between members', Buffer.concat([gzipSync(HALF), zeros(512), gzipSync(REST)]), [/Zeros/]],
    ['zeros up to the end of a piece that is read', padTo(gzipSync(HALF), 256 * 1024, gzipSync(REST)), [/Zeros/]],
  ])('%s', async (_, content, notes) => {
    await using temp = await tempFolder();
    const { texts, findings } = await importInto(temp.path, [content]);
    expect(texts[0] === GOOD).toBe(true);
    const noted = notesOf(findings, ['left.fq']);
    expect(noted).toHaveLength(notes.length);
    for (const [index, note] of notes.entries()) expect(noted[index]).toMatch(note);
    expect(findings[0]?.reports[33]).toContain('\nTotal Sequences\t400\n');
    const left = (await readdir(temp.path)).sort();
    expect(left).toEqual(['checksums.json', 'reads_1.fq.gz', 'upload_0']);
  });
});

function padTo(first: Buffer, bytes: number, second: Buffer): Buffer {
  return Buffer.concat([first, zeros(bytes - first.length), second]);
}

const tarHeader = (() => {
  const header = Buffer.alloc(512);
  header.write('reads_1.fastq', 0);
  header.write('0000644\x000000000\x000000000\x0000000001000\x0014000000000\x00        ', 100, 'latin1');
  const sum = header.reduce((all, byte) => all + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return header;
})();

describe('other formats are named, plain and inside gzip', () => {
  test.each<[string, Buffer, RegExp]>([
    ['tar', Buffer.concat([tarHeader, Buffer.from(GOOD)]), /tar archive/],
    ['SRA', Buffer.from(`NCBI.sra\x05\x03\x19\x88${GOOD}`, 'latin1'), /SRA archive.*fasterq-dump/],
    ['UTF-16 with a mark', Buffer.from(`\ufeff${GOOD}`, 'utf16le'), /UTF-16/],
    ['UTF-16 without a mark', Buffer.from(GOOD, 'utf16le'), /UTF-16/],
    ['UTF-16, high byte first', Buffer.from(`\ufeff${GOOD}`, 'utf16le').swap16(), /UTF-16/],
    ['zip', Buffer.from(`PK\x03\x04${GOOD}`, 'latin1'), /zip archive/],
    ['BAM', Buffer.from(`BAM\x01${GOOD}`, 'latin1'), /BAM.*samtools fastq/],
    ['SAM', Buffer.from('@HD\tVN:1.6\tSO:unsorted\n@SQ\tSN:a\tLN:5\n'), /SAM.*samtools fastq/],
    ['FAST5', Buffer.from(`\x89HDF\r\n\x1a\n\0\0${GOOD}`, 'latin1'), /FAST5/],
    ['POD5', Buffer.from(`\x8bPOD\r\n\x1a\n\0\0${GOOD}`, 'latin1'), /POD5/],
    ['HTML', Buffer.from(`\n<!DOCTYPE html>\n<html><title>Sign in</title></html>`), /web page/],
    ['XML', Buffer.from('<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>'), /XML/],
    ['bzip2', Buffer.from('BZh91AY&SY', 'latin1'), /bzip2/],
    ['Zstandard', Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0, 0]), /Zstandard/],
    ['FASTA', Buffer.from('>a\nACGT\n'), /FASTA/],
  ])('%s', async (_, content, message) => {
    for (const file of [content, gzipSync(content), bgzf(content.toString('latin1'))]) {
      const error = await refusal([file]);
      expect(error.message).toMatch(message);
      expect(error.message).toMatch(/^left\.fq: /);
    }
  });
});

test.each<[string, Buffer, RegExp]>([
  ['text behind the data', Buffer.concat([gzipSync(GOOD), Buffer.from('the end')]), /not gzip data follows/],
  ['text behind zeros', Buffer.concat([gzipSync(GOOD), zeros(512), Buffer.from('x')]), /not gzip data follows/],
  [
    'half a member behind zeros',
    Buffer.concat([gzipSync(HALF), zeros(9), gzipSync(REST).subarray(0, 99)]),
    /damaged or cut/,
  ],
  ['a cut member', gzipSync(GOOD).subarray(0, 9_000), /damaged or cut/],
  ['a cut second member', Buffer.concat([gzipSync(HALF), gzipSync(REST).subarray(0, 5)]), /damaged or cut/],
  [
    'a wrong checksum',
    (() => {
      const bytes = gzipSync(GOOD);
      bytes[bytes.length - 5] = 1 ^ (bytes.at(-5) as number);
      return bytes;
    })(),
    /damaged or cut/,
  ],
  ['gzip twice', gzipSync(gzipSync(GOOD)), /inside another one/],
  ['a blank line', gzipSync(`${HALF}\n${REST}`), /Line 801 is blank/],
  ['a letter that is no base', gzipSync(`${HALF}@x\nACJT\n+\nIIII\n`), /record 201\), character 3: 'J'/],
  ['nothing', gzipSync(''), /no reads/],
])('%s is refused', async (_, content, message) => {
  expect((await refusal([content])).message).toMatch(message);
});

describe('mates', () => {
  const named = (text: string, name: (n: number) => string, shift = 0) =>
    records(text)
      .map((record, i, all) =>
        record.replace(/^.*/, `@${name(i + 1)}`).replace(/\n.*/, `\n${all[(i + shift) % all.length]?.split('\n')[1]}`),
      )
      .join('');
  const left = named(HALF, (n) => `SRR9.${n}.1 ${n} length=100`);
  const right = named(HALF, (n) => `SRR9.${n}.2 ${n} length=100`, 1);

  test('are accepted by name, and by order whatever their names', async () => {
    await using temp = await tempFolder();
    const { findings } = await importInto(temp.path, [gzipSync(left), right]);
    expect(findings).toMatchObject([{ reads: 200 }, { reads: 200 }]);
    await using other = await tempFolder();
    expect((await importInto(other.path, [left, named(HALF, (n) => `x${n}`, 1)], 'by_order')).findings).toHaveLength(2);
  });

  test('a lost read is told with its record and both names, and a way out', async () => {
    const lost = records(right).toSpliced(4, 1).join('');
    const error = await refusal([gzipSync(left), gzipSync(lost)]);
    expect(error.message).toBe(
      'Record 5 of left.fq is "SRR9.5.1", but record 5 of right.fq is "SRR9.6.2": these are no mates.',
    );
    expect(error.advice).toMatch(/by_order/);
  });

  test('a file that ends early is told with both numbers', async () => {
    const short = records(right).slice(0, 150).join('');
    for (const pairing of [undefined, 'by_order'] as const) {
      expect((await refusal([left, gzipSync(short)], pairing)).message).toBe(
        'left.fq holds 200 reads, but right.fq holds 150.',
      );
      expect((await refusal([short, left], pairing)).message).toBe('left.fq holds 150 reads, but right.fq holds 200.');
    }
  });

  test('the same sequences twice are refused', async () => {
    for (const twin of [left, named(HALF, (n) => `SRR9.${n}.2`)]) {
      for (const pairing of [undefined, 'by_order'] as const) {
        expect((await refusal([left, gzipSync(twin)], pairing)).message).toMatch(/same sequences/);
      }
    }
  });

  test('one whose form has to be changed does not change the other one', async () => {
    await using temp = await tempFolder();
    const packed = gzipSync(left);
    const { files, texts } = await importInto(temp.path, [packed, gzipSync(right.replaceAll('\n', '\r\n'))]);
    expect(files[0]?.equals(packed)).toBe(true);
    expect(texts[1] === right).toBe(true);
  });

  test('an index read is refused by name, and only a warning in a small-RNA library', async () => {
    await using temp = await tempFolder();
    const index = Array.from(
      { length: 200 },
      (_, i) => `@SRR9.${i + 1}.2\nACGTACG${'ACGT'[i % 4]}\n+\nFFFFFFFF\n`,
    ).join('');
    const { findings } = await importInto(temp.path, [left, index]);
    const names = ['R1.fq', 'I1.fq'];
    expect(() => warningsOf(findings, names, false)).toThrow(/I1\.fq may be no mate but an index read.*longest 8/);
    expect(warningsOf(findings, names, true)).toMatchObject([{ code: 'short_mates' }]);
  });
});

test('names that repeat are found, also among so many that they lie on the disk', async () => {
  await using temp = await tempFolder();
  const many = (name: (n: number) => string) =>
    Array.from({ length: 200_000 }, (_, i) => `@${name(i)} x\nACGT\n+\nFFFF\n`).join('');
  const unique = await importInto(temp.path, [many((n) => `A:1:${n}`)]);
  const last = await importInto(temp.path, [many((n) => (n === 199_999 ? 'A:1:7' : `A:1:${n}`))]);
  const ten = await importInto(temp.path, [many((n) => `tile${n % 10}`)]);
  expect([unique, last, ten].map(({ findings }) => findings[0]?.uniqueNames)).toEqual([true, false, false]);
  expect((await readdir(temp.path)).filter((name) => name.includes('names'))).toEqual([]);
});

test('long reads make a sample with a warning', async () => {
  await using temp = await tempFolder();
  for (const bases of [200_000, 600_000]) {
    const { findings } = await importInto(temp.path, [
      gzipSync(`${GOOD}@long\n${'ACGT'.repeat(bases / 4)}\n+\n${'5'.repeat(bases)}\n`),
    ]);
    expect(findings).toMatchObject([{ reads: 401, maxLength: bases }]);
    expect(warningsOf(findings, ['a'], false)).toMatchObject([
      { code: 'long_reads', message: expect.stringContaining('short reads') },
    ]);
    expect(findings[0]?.reports[33].length).toBeLessThan(1_000_000);
  }
});

test('a cancel ends the work, and nothing has its final name', async () => {
  await using temp = await tempFolder();
  const path = join(temp.path, 'upload');
  await writeFile(path, GOOD.repeat(400));
  const stop = new AbortController();
  const fractions: number[] = [];
  const report = (fraction: number) => {
    fractions.push(fraction);
    if (fraction > 0.05) stop.abort(new Error('cancelled'));
  };
  const to = join(temp.path, 'reads_1.fq.gz');
  const work = importReads(context(stop.signal, report), { uploads: [{ name: 'a', path, to }], pairing: 'by_name' });
  await expect(work).rejects.toThrow('cancelled');
  expect(fractions.every((fraction) => fraction > 0 && fraction <= 1)).toBe(true);
  expect(fractions).toEqual(fractions.toSorted((a, b) => a - b));
  expect(existsSync(to)).toBe(false);
});
