import { execFile } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { createGzip } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { checkOtus } from '../../../src/activities/references/check.js';
import { UnusableReference } from '../../../src/activities/references/file.js';
import { testFolder } from '../../support/folders.js';

const RUNNER = fileURLToPath(new URL('../../support/run_ts.mjs', import.meta.url));
const READER = fileURLToPath(new URL('../../support/read_reference.ts', import.meta.url));
const HEAP_MIB = 256;

/** What a process with a small heap says about a file of these parts; it rejects when the process ends in another way. */
async function readInSmallHeap(parts: Iterable<string>): Promise<string> {
  const path = join(testFolder(), 'reference.json.gz');
  await pipeline(Readable.from(parts), createGzip(), createWriteStream(path));
  const args = [`--max-old-space-size=${HEAP_MIB}`, RUNNER, READER, path];
  return (await promisify(execFile)(process.execPath, args)).stdout;
}

function* around(start: string, piece: string, pieces: number, end: string): Generator<string> {
  yield start;
  for (let i = 0; i < pieces; i += 1) yield piece;
  yield end;
}

const MANY = '{},'.repeat(10_000);
const LONG = 'A'.repeat(1024 ** 2);
const wholeOtu = (name: string) => `{"name":"${name}","isolates":[]},`;

describe('a reference file is read in a small heap', () => {
  test.each<[string, Iterable<string>, string]>([
    // 87 kB of gzip.
    ['30 million empty OTUs', around('{"otus":[', MANY, 3_000, '{}]}'), 'holds more than 5,000,000 values'],
    ['2 million empty OTUs', around('{"otus":[', MANY, 200, '{}]}'), 'OTU 1: name: required field'],
    ['30 million values elsewhere', around('{"x":[', MANY, 3_000, '{}]}'), 'holds more than 5,000,000 values'],
    [
      'an OTU of a million isolates',
      around('{"otus":[{"isolates":[', MANY, 100, '{}]}]}'),
      'holds a list element with more than 200,000 values',
    ],
    ['deep lists', around('{"otus":[', '['.repeat(10_000), 1_000, ''), 'is nested deeper than 100 levels'],
    ['deep documents', around('{"otus":[', '{"a":'.repeat(10_000), 1_000, ''), 'is nested deeper than 100 levels'],
    ['a text of 100 MiB', around('{"otus":[{"name":"', LONG, 100, '"}]}'), 'holds a list element of more than 32 MiB'],
    ['300 MiB of blanks', around('{"otus":[', ' '.repeat(1024 ** 2), 300, ']}'), 'unpacks to more than 256 MiB'],
    ['200 MiB of names', around('{"otus":[', wholeOtu(LONG), 200, '{"name":"x"}]}'), 'Duplicate OTU names found'],
  ])('%s', { timeout: 120_000 }, async (_, parts, message) => {
    expect(await readInSmallHeap(parts)).toContain(message);
  });
});

describe('what is said about a file', () => {
  async function errorsOf(...otus: unknown[]) {
    const error = await checkOtus(Readable.from(otus)).catch((caught: unknown) => caught);
    if (!(error instanceof UnusableReference)) throw error;
    return error.errors;
  }

  // The errors are kept in a document of the database.
  test('stays short, whatever the file says', async () => {
    const otu = {
      name: LONG,
      _id: LONG,
      schema: [{ name: 'a', molecule: LONG }],
      isolates: [{ id: LONG }, { id: LONG }],
    };
    const errors = await errorsOf(otu, otu);
    expect(errors.map(({ id }) => id)).toEqual([
      'duplicate_ids',
      'duplicate_isolate_ids',
      'duplicate_names',
      'otu',
      'otu',
    ]);
    expect(JSON.stringify(errors).length).toBeLessThan(10_000);
  });

  test('tells 50 faults of an OTU at most, and gives up after 10,000 OTUs with faults', async () => {
    const [error] = await errorsOf({ name: 'a', isolates: Array(1_000).fill({}) });
    expect(Object.values(error?.issues ?? {}).flat()).toHaveLength(50);
    const errors = await errorsOf(...Array(20_000).fill({}));
    expect(errors.at(-1)?.message).toBe('Many more OTUs have problems');
  });

  test('an OTU that the database would not take is refused by name', async () => {
    const sequences = [{ accession: 'X1', definition: '', sequence: 'A'.repeat(15 * 1024 ** 2) }];
    const isolate = { source_type: '', source_name: '', default: true, sequences };
    const [error] = await errorsOf({ name: 'Large virus', isolates: [isolate] });
    expect(error?.message).toBe('OTU 1 (Large virus): isolates: hold more than the 14 MiB that an OTU may have');
  });
});
