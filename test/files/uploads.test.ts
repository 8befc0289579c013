import { mkdir, readdir, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { expect, test } from 'vitest';
import { createDataDirectory } from '../../src/files/data_directory.js';
import { cleanIncoming, expireFiles, isUploadName, storeUpload } from '../../src/files/uploads.js';
import { testFolder } from '../support/folders.js';

const HOUR_MS = 60 * 60_000;

async function dataDirectory() {
  const data = createDataDirectory(testFolder());
  await data.create();
  const incoming = join(data.files, '.incoming');
  await mkdir(incoming);
  return {
    data,
    incoming,
    async put(path: string, ageMs: number): Promise<void> {
      await writeFile(path, 'bytes');
      const changed = new Date(Date.now() - ageMs);
      await utimes(path, changed, changed);
    },
    left: async () => (await readdir(data.files, { recursive: true })).sort(),
  };
}

test.each(['reads.fq.gz', 'left reads.fq', 'Vitis (été).fa', '.hidden', 'x'.repeat(246)])(
  '%s may be uploaded',
  (name) => {
    expect(isUploadName(name)).toBe(true);
  },
);

test.each(['', '.', '..', 'a/b', 'a\\b', 'a\0b', 'a\nb', '\u{d800}', 'x'.repeat(247), 'é'.repeat(124)])(
  '%j is no name of an upload',
  (name) => {
    expect(isUploadName(name)).toBe(false);
  },
);

test('an upload that breaks leaves neither a part nor a file', async () => {
  const { data, left } = await dataDirectory();
  const source = Readable.from(
    (async function* () {
      yield Buffer.alloc(100_000);
      throw new Error('cut');
    })(),
  );
  await expect(storeUpload(data, 'abcd1234-a.fq', source)).rejects.toThrow('cut');
  expect(await left()).toEqual(['.incoming']);
});

test('parts of a killed process are removed at the start, parts that are being written only by that', async () => {
  const { data, incoming, put } = await dataDirectory();
  await put(join(incoming, 'aaaaaaaa-old.fq'), HOUR_MS);
  await put(join(incoming, 'bbbbbbbb-new.fq'), 0);
  expect(await cleanIncoming(data)).toEqual(['aaaaaaaa-old.fq']);
  expect(await cleanIncoming(data, -1)).toEqual(['bbbbbbbb-new.fq']);
  expect(await readdir(incoming)).toEqual([]);
});

test('no folder yet is nothing to clean', async () => {
  expect(await cleanIncoming(createDataDirectory(testFolder()))).toEqual([]);
});

// With a wrong data path, the folder may be full of other people's files.
test('expiry removes abandoned and expired files, and nothing that it does not know', async () => {
  const { data, incoming, put, left } = await dataDirectory();
  await put(join(data.files, 'thesis.docx'), 100 * HOUR_MS);
  await put(join(data.files, 'cccccccc-unknown.fq'), 100 * HOUR_MS);
  await put(data.file('dddddddd-expired.fq'), 2 * HOUR_MS);
  await put(join(incoming, 'eeeeeeee-slow.fq'), 0);
  await put(data.file('ffffffff-just-published.fq'), 0);
  await put(data.file('gggggggg-crashed.fq'), 2 * HOUR_MS);
  const removed: string[] = [];
  const swept = await expireFiles(data, {
    expired: async () => ['dddddddd-expired.fq'],
    unfinished: async () => [
      'eeeeeeee-slow.fq',
      'ffffffff-just-published.fq',
      'gggggggg-crashed.fq',
      'hhhhhhhh-never-came.fq',
    ],
    remove: async (ids) => void removed.push(...ids),
  });
  expect(swept).toEqual({
    expired: ['dddddddd-expired.fq'],
    unfinished: ['gggggggg-crashed.fq', 'hhhhhhhh-never-came.fq'],
  });
  expect(removed).toEqual([...swept.expired, ...swept.unfinished]);
  expect(await left()).toEqual([
    '.incoming',
    '.incoming/eeeeeeee-slow.fq',
    'cccccccc-unknown.fq',
    'ffffffff-just-published.fq',
    'thesis.docx',
  ]);
});
