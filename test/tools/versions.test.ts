import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { TOOLS } from '../../src/tools/programs.js';
import { selfTestTools } from '../../src/tools/self_test.js';
import { compareVersions, probeTool, probeTools, type ToolReport } from '../../src/tools/versions.js';
import { tempFolder } from './support.js';

const PATH = process.env.PATH;
afterEach(() => {
  process.env.PATH = PATH;
});

/** The server can do without igzip, and so can these tests. */
const isExpected = ({ name, status }: ToolReport) => name !== 'igzip' || status !== 'missing';

test('the installed tools are found with their paths and checked versions', async () => {
  const rows = await probeTools();
  expect(rows.map((row) => row.name)).toEqual(['Bowtie 2', 'skewer', 'SPAdes', 'HMMER', 'pigz', 'igzip']);
  for (const row of rows.filter(isExpected)) {
    expect(row, row.name).toMatchObject({
      status: 'ok',
      path: expect.stringMatching(/^\//),
      version: expect.any(String),
    });
  }
});

test('every tool passes its trial run on a tiny real input', async () => {
  await using folder = await tempFolder();
  const rows = await selfTestTools(folder.path);
  expect(rows.map(({ name, status, detail }) => `${name} ${status}: ${detail}`)).toEqual([
    'Bowtie 2 ok: Built an index and mapped 200 reads.',
    'skewer ok: Trimmed 200 reads.',
    expect.stringMatching(/^SPAdes ok: Assembled a scaffold of \d+ bases\.$/),
    'HMMER ok: Built, pressed and searched a profile.',
    'pigz ok: Compressed 300000 bytes.',
    expect.stringMatching(/^igzip (ok: Compressed 300000 bytes\.|missing: )/),
  ]);
});

const skewer = TOOLS[1]!;

async function withSkewer<T>(text: string, use: (folder: string) => Promise<T>): Promise<T> {
  await using folder = await tempFolder();
  const path = join(folder.path, 'skewer');
  await writeFile(path, `#!/bin/sh\n${text}\n`);
  await chmod(path, 0o755);
  process.env.PATH = `${folder.path}:/bin:/usr/bin`;
  return await use(folder.path);
}

test('an older version, a much newer one and one that is not told are wrong; a newer one is right', async () => {
  const status = (version: string) => withSkewer(`echo 'skewer version: ${version}'`, () => probeTool(skewer));
  expect(await status('0.2.1')).toMatchObject({ status: 'wrong version', version: '0.2.1' });
  expect((await status('0.2.1')).detail).toBe('0.2.2 or newer is needed, but older than 0.3.');
  expect(await status('0.3.0')).toMatchObject({ status: 'wrong version' });
  expect(await status('unknown')).toMatchObject({ status: 'wrong version' });
  expect(await status('0.2.10')).toMatchObject({ status: 'ok', detail: expect.stringContaining('Newer') });
});

test('a tool that is not on PATH is missing', async () => {
  process.env.PATH = '/no/such/folder';
  const rows = await probeTools();
  expect(rows.map((row) => row.status)).toEqual(TOOLS.map(() => 'missing'));
  expect(rows[2]?.detail).toBe('spades.py is not on PATH.');
});

test('a tool that is there but does not run, or gives wrong results, has failed', async () => {
  const broken = await withSkewer('echo "libz.so not found" >&2; exit 1', () => probeTool(skewer));
  expect(broken).toMatchObject({ status: 'failed', detail: expect.stringContaining('libz.so not found') });
  const lazy = await withSkewer("echo 'skewer version: 0.2.2'", async (folder) => {
    const rows = await selfTestTools(folder);
    return rows[1];
  });
  expect(lazy).toMatchObject({ status: 'failed', detail: expect.stringContaining('trial run failed') });
});

test('versions are compared by their numbers', () => {
  const sorted = ['0.2.2', '0.2.10', '0.11.9', '2.5', '2.5.0.1', '10'];
  for (let i = 1; i < sorted.length; i++) expect(compareVersions(sorted[i - 1]!, sorted[i]!)).toBeLessThan(0);
  expect(compareVersions('2.5', '2.5.0')).toBe(0);
});
