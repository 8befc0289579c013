import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync, gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { UnusableArchive, unpackHmmArchive } from '../../src/files/hmm_archive.js';
import { testFolder } from '../support/folders.js';

const NAMES = ['annotations.json', 'profiles.hmm'];
const bad = (name: string) => fileURLToPath(new URL(`../data/bad/hmm_${name}.tar.gz`, import.meta.url));

async function unpack(archive: string) {
  const outside = testFolder();
  const folder = mkdtempSync(join(outside, 'unpacked-'));
  const run = unpackHmmArchive(archive, folder, NAMES, new AbortController().signal);
  return { folder, outside, run };
}

async function refusal(archive: string): Promise<string> {
  const { folder, outside, run } = await unpack(archive);
  const error = await run.then(
    () => undefined,
    (cause: unknown) => cause,
  );
  expect(error).toBeInstanceOf(UnusableArchive);
  // Nothing but the wanted names is ever written, and nothing outside.
  for (const name of readdirSync(folder)) expect(NAMES).toContain(name);
  expect(readdirSync(outside)).toHaveLength(1);
  return (error as Error).message;
}

/** An archive made by the system's tar of files below a folder. */
function archiveOf(files: Record<string, string>, options: string[] = [], roots = ['hmm']): string {
  const folder = testFolder();
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), content);
  }
  execFileSync('tar', ['-czf', join(folder, 'made.tar.gz'), ...options, '-C', folder, ...roots]);
  return join(folder, 'made.tar.gz');
}

const FILES = { 'hmm/annotations.json': '[]', 'hmm/profiles.hmm': 'HMMER3/f' };

describe('a good archive', () => {
  test('gives the files that are wanted, whole', async () => {
    const { folder, run } = await unpack(bad('good'));
    await run;
    expect(readdirSync(folder).sort()).toEqual(NAMES);
    const annotations = JSON.parse(readFileSync(join(folder, 'annotations.json'), 'utf8'));
    expect(annotations).toHaveLength(3);
    const listed = execFileSync('tar', ['-xzOf', bad('good'), 'hmm/profiles.hmm']);
    expect(readFileSync(join(folder, 'profiles.hmm')).equals(listed)).toBe(true);
  });

  const long = `hmm/${'folder/'.repeat(20)}${'name'.repeat(20)}`;
  test.each([
    ['GNU', ['--format=gnu']],
    ['pax', ['--format=pax']],
    ['ustar', ['--format=ustar']],
  ])('may be of the form %s and hold other files with long names', async (_, options) => {
    const { folder, run } = await unpack(
      archiveOf({ [long]: 'x'.repeat(2000), 'hmm/VERSION': 'v1', ...FILES }, options),
    );
    await run;
    expect(readdirSync(folder).sort()).toEqual(NAMES);
    expect(readFileSync(join(folder, 'profiles.hmm'), 'utf8')).toBe('HMMER3/f');
  });

  test('may name its folder with a dot before it', async () => {
    const { folder, run } = await unpack(archiveOf(FILES, [], ['./hmm']));
    await run;
    expect(readdirSync(folder).sort()).toEqual(NAMES);
  });
});

describe('an archive is refused', () => {
  test.each([
    ['path_traversal', 'outside'],
    ['absolute_path', 'outside'],
    ['link_out', 'something else than files and folders'],
    ['other_folder', 'more than the folder hmm'],
    ['no_annotations', 'lacks hmm/annotations.json'],
    ['no_profiles', 'lacks hmm/profiles.hmm'],
    ['truncated', 'damaged, cut or not compressed'],
    ['not_tar', 'damaged, cut or not compressed'],
  ])('%s', async (name, message) => {
    expect(await refusal(bad(name))).toContain(message);
    expect(existsSync('/tmp/vt-escaped-absolute.txt')).toBe(false);
  });

  test('when it is cut within, though the compression is whole', async () => {
    const path = join(testFolder(), 'cut.tar.gz');
    writeFileSync(path, gzipSync(gunzipSync(readFileSync(bad('good'))).subarray(0, 50_000)));
    expect(await refusal(path)).toBe('The archive is cut');
  });

  test('when it is compressed text', async () => {
    const path = join(testFolder(), 'text.tar.gz');
    writeFileSync(path, gzipSync('no archive\n'.repeat(100)));
    expect(await refusal(path)).toBe('The archive is not a tar archive');
  });

  test('when a wanted file comes twice', async () => {
    const twice = archiveOf(
      FILES,
      [],
      ['hmm/annotations.json', 'hmm/profiles.hmm', 'hmm/profiles.hmm', '--hard-dereference'],
    );
    expect(await refusal(twice)).toMatch(/twice|something else/);
  });

  test('when a wanted name is a folder', async () => {
    expect(await refusal(archiveOf({ 'hmm/annotations.json': '[]', 'hmm/profiles.hmm/x': '' }))).toContain('lacks');
  });
});

test('an abort ends the unpacking with its reason', async () => {
  const run = unpackHmmArchive(bad('good'), testFolder(), NAMES, AbortSignal.abort(new Error('stop')));
  await expect(run).rejects.toThrow('stop');
});
