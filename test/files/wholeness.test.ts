import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { createJudge } from '../../src/files/judge.js';
import { fingerprintOf } from '../../src/files/settling.js';
import { findFlaw } from '../../src/files/wholeness.js';
import { testFolder } from '../support/folders.js';
import { waitFor } from '../support/wait.js';

const { signal } = new AbortController();
const CUT_RECORD = 'its last FASTQ record is not complete';
const RECORD = '@read 1:N:0\nACGTAC\n+\n@IIII+\n';

async function flawOf(content: string | Buffer): Promise<string | undefined> {
  const path = join(testFolder(), 'reads.fq');
  await writeFile(path, content);
  return findFlaw(path, signal);
}

/** A record of one read of this length. */
const long = (bases: number) => `@long\n${'A'.repeat(bases)}\n+\n${'I'.repeat(bases)}\n`;

describe('whole', () => {
  test.each<[string, string]>([
    ['one record', RECORD],
    ['many records', RECORD.repeat(10_000)],
    ['no line end behind the last line', RECORD.repeat(3).slice(0, -1)],
    ['CR LF', RECORD.repeat(9).replaceAll('\n', '\r\n')],
    ['CR alone', RECORD.repeat(9).replaceAll('\n', '\r')],
    ['empty lines behind', `${RECORD.repeat(9)}\n\n\n`],
    ['a read without bases', `${RECORD}@empty\n\n+\n\n`],
    ['a read of 200,000 bases', RECORD + long(200_000)],
    ['a byte order mark', `\ufeff${RECORD}`],
    ['no FASTQ at all', '<html><body>404'],
  ])('is %s, as text and as gzip', async (_, content) => {
    expect(await flawOf(content)).toBeUndefined();
    expect(await flawOf(gzipSync(content))).toBeUndefined();
  });

  test('is gzip of several members and with zeros behind', async () => {
    const cut = RECORD.repeat(5).slice(0, -20);
    const rest = RECORD.repeat(5).slice(-20);
    expect(
      await flawOf(Buffer.concat([gzipSync(cut), gzipSync(''), gzipSync(rest), Buffer.alloc(512)])),
    ).toBeUndefined();
  });
});

describe('not whole', () => {
  test('is a text or gzip data cut at any byte of the last record', async () => {
    const content = RECORD.repeat(4);
    for (let cut = 1; cut < RECORD.length - 1; cut += 1) {
      const part = content.slice(0, RECORD.length * 3 + cut);
      expect([cut, await flawOf(part)]).toEqual([cut, CUT_RECORD]);
      expect([cut, await flawOf(gzipSync(part))]).toEqual([cut, CUT_RECORD]);
    }
  });

  test('is a text that is cut in a long record', async () => {
    for (const cut of [100, 199_000, 200_500, 390_000]) {
      expect(await flawOf(RECORD + long(200_000).slice(0, cut))).toBe(CUT_RECORD);
      expect(await flawOf(gzipSync(RECORD + long(200_000).slice(0, cut)))).toBe(CUT_RECORD);
    }
  });

  test('is gzip data cut at any byte', async () => {
    const content = gzipSync(RECORD.repeat(4));
    for (let cut = 2; cut < content.length; cut += 1) {
      expect([cut, await flawOf(content.subarray(0, cut))]).toEqual([cut, 'its gzip data end too early']);
    }
  });

  test('is gzip data with another checksum', async () => {
    const content = gzipSync(RECORD.repeat(4));
    content.writeUInt32LE(1, content.length - 8);
    expect(await flawOf(content)).toBe('its gzip data are damaged');
  });
});

test('the content of a file is read once as long as it looks the same', async () => {
  const path = join(testFolder(), 'reads.fq');
  await writeFile(path, RECORD);
  const print = (await fingerprintOf(path))!;
  const judge = createJudge({ settleMs: 0, retryMs: 0, concerns: () => true, signal });
  await waitFor(async () => (await judge.of('reads.fq', path, print)) === 'whole', 'the judgement');
  await rm(path);
  expect(await judge.of('reads.fq', path, print)).toBe('whole');
  await writeFile(path, RECORD.slice(5));
  const other = (await fingerprintOf(path))!;
  expect(await judge.of('reads.fq', path, other)).toBe('waiting');
  expect(await readFile(path, 'utf8')).toBe(RECORD.slice(5));
});
