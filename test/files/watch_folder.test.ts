import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { appendFile, mkdir, readdir, readFile, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, inject, onTestFinished, test } from 'vitest';
import type { ArrivingDocuments } from '../../src/files/arrivals.js';
import { fingerprintOf } from '../../src/files/settling.js';
import {
  isReadsName,
  startWatchFolder,
  type WatchFolder,
  type WatchFolderOptions,
} from '../../src/files/watch_folder.js';
import { testFolder } from '../support/folders.js';
import { type TestStore, testStore } from '../support/store.js';
import { waitFor } from '../support/wait.js';
import type { KillPoint } from '../support/watch_folder.js';

const RUNNER = fileURLToPath(new URL('../support/run_ts.mjs', import.meta.url));
const KILLED = fileURLToPath(new URL('../support/watch_folder.ts', import.meta.url));
const NEVER_MS = 10 * 60_000;

let site: TestStore;
let folder: string;
const watches: WatchFolder[] = [];
beforeEach(async () => {
  site = await testStore();
  folder = join(testFolder(), 'watch');
});
afterEach(async () => {
  // A watch that goes on would make folders anew that are removed now.
  await Promise.all(watches.splice(0).map((watching) => watching.stop()));
  await site.dispose();
});

/** Watches until the test ends; gives what was logged. */
function watchIt(options: Partial<WatchFolderOptions> = {}) {
  const lines: { level: number; msg: string; file?: string; err?: { message: string } }[] = [];
  const log = pino({ level: 'debug' }, { write: (line: string) => void lines.push(JSON.parse(line)) });
  const times = { stableMs: 20, rescanMs: 50, retryMs: 50 };
  const watching = startWatchFolder({
    path: folder,
    data: site.data,
    files: site.store.files,
    log,
    ...times,
    ...options,
  });
  watches.push(watching);
  return { watching, troubles: () => lines.filter(({ level }) => level > 30), lines };
}

const documents = () => site.store.files.collection.find().sort({ name: 1 }).toArray();
const uploads = async () => (await site.store.files.list('reads', { page: 1, perPage: 100 })).documents;
const onDisk = async () => (await readdir(site.data.files)).filter((name) => name !== '.incoming').sort();
const put = (name: string, content = `@${name}\nACGT\n+\nIIII\n`) => writeFile(join(folder, name), content);

async function untilUploads(count: number) {
  await waitFor(async () => (await uploads()).length === count, `${count} uploads`);
  return (await uploads()).sort((a, b) => a.name.localeCompare(b.name));
}

/** Documents and disk hold exactly these files, whole, and the watch folder holds nothing that will come again. */
async function expectOnly(contents: Record<string, string>): Promise<void> {
  const all = await documents();
  expect(all.map(({ name }) => name)).toEqual(Object.keys(contents).sort());
  expect(await onDisk()).toEqual(all.map(({ _id }) => _id).sort());
  for (const document of all) {
    expect(document).toMatchObject({ ready: true, created: true, reserved: false, user: null, type: 'reads' });
    expect(document).not.toHaveProperty('source');
    expect(await readFile(site.data.file(document._id), 'utf8')).toBe(contents[document.name]);
    expect(document.size).toBe(contents[document.name]?.length);
  }
  expect((await readdir(folder)).filter(isReadsName)).toEqual([]);
}

describe('what is taken', () => {
  test('files that lie in the folder when the watch begins, and files that come later by any way', async () => {
    await mkdir(folder);
    await put('early.fq', 'early');
    // No look without an event.
    watchIt({ rescanMs: NEVER_MS });
    await untilUploads(1);
    await put('written.fastq', 'written');
    await writeFile(join(folder, '..', 'elsewhere'), 'moved');
    await rename(join(folder, '..', 'elsewhere'), join(folder, 'Moved.FASTQ.GZ'));
    await put('.copied.fq.gz.Xy12', 'copied');
    await rename(join(folder, '.copied.fq.gz.Xy12'), join(folder, 'copied.fq.gz'));
    await untilUploads(4);
    await expectOnly({
      'early.fq': 'early',
      'written.fastq': 'written',
      'Moved.FASTQ.GZ': 'moved',
      'copied.fq.gz': 'copied',
    });
    expect((await documents()).every(({ _id, name }) => /^[0-9a-z]{8}-/.test(_id) && _id.slice(9) === name)).toBe(true);
  });

  test('only names of reads', () => {
    for (const name of ['a.fq', 'a.FQ', 'a.fastq', 'a b.fq.gz', 'ä.Fastq.Gz', 'a.b.fq'])
      expect(isReadsName(name)).toBe(true);
    const others = [
      '.a.fq',
      '~a.fq',
      '#a.fq#',
      'a.fq~',
      'a.fq.part',
      'a.fq.gz.tmp',
      'a.fq.filepart',
      'a.fq.gz.crdownload',
    ];
    for (const name of [...others, '.fq', 'fq', 'a.fa', 'a.gz', 'a.fq.bz2', 'a.txt'])
      expect(isReadsName(name)).toBe(false);
  });

  test('nothing else is touched', async () => {
    await mkdir(join(folder, 'folder.fastq'), { recursive: true });
    await put('folder.fastq/inside.fq');
    await put('target.txt');
    await symlink(join(folder, 'target.txt'), join(folder, 'link.fq'));
    for (const name of ['.hidden.fq', 'copying.fq.gz.part', 'copying.fq.tmp', 'old.fq~', 'notes.docx']) await put(name);
    await put('empty.fq', '');
    const before = (await readdir(folder, { recursive: true })).sort();
    watchIt();
    await put('reads.fq', 'reads');
    await untilUploads(1);
    expect((await readdir(folder, { recursive: true })).sort()).toEqual(before);
    expect(await documents()).toHaveLength(1);
  });

  test('a file that is still written is taken when it is whole', async () => {
    await mkdir(folder);
    watchIt({ stableMs: 1_500 });
    let content = '';
    const end = Date.now() + 3_000;
    while (Date.now() < end) {
      content += 'ACGTACGT\n'.repeat(100);
      await appendFile(join(folder, 'growing.fq'), 'ACGTACGT\n'.repeat(100));
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    await untilUploads(1);
    await expectOnly({ 'growing.fq': content });
  });

  test('two files of the same name one after the other are two uploads', async () => {
    watchIt();
    await waitFor(() => stat(folder).catch(() => undefined), 'the folder');
    await put('reads.fq', 'first');
    await untilUploads(1);
    await put('reads.fq', 'second');
    const both = await untilUploads(2);
    const contents = await Promise.all(both.map(({ _id }) => readFile(site.data.file(_id), 'utf8')));
    expect(contents.sort()).toEqual(['first', 'second']);
  });
});

describe('trouble', () => {
  test('with one file is logged once and hinders no other; the file is taken when the trouble is over', async () => {
    await mkdir(folder);
    let tries = 0;
    let isBroken = true;
    const insert: ArrivingDocuments['insert'] = (file) => {
      if (file.name !== 'bad.fq' || !isBroken) return site.store.files.insert(file);
      tries += 1;
      throw new Error('no place for it');
    };
    const { troubles } = watchIt({ files: { ...site.store.files, insert } });
    await put('bad.fq', 'bad');
    await put('good.fq', 'good');
    await put(`${'x'.repeat(245)}.fq`);
    await put('void.fq', '');
    await untilUploads(1);
    await waitFor(() => tries > 3, 'several tries');
    await waitFor(() => troubles().length === 3, 'all troubles');
    expect(
      troubles()
        .map(({ file }) => file?.slice(0, 7))
        .sort(),
    ).toEqual(['bad.fq', 'void.fq', 'xxxxxxx']);
    isBroken = false;
    await untilUploads(2);
    await put('void.fq', 'reads at last');
    await untilUploads(3);
    expect(troubles()).toHaveLength(3);
  });

  test('of the database after the file was moved leaves it to be made ready later', async () => {
    await mkdir(folder);
    let failures = 0;
    const publish: ArrivingDocuments['publish'] = (fileId, size) => {
      failures += 1;
      if (failures < 4) throw new Error('database is away');
      return site.store.files.publish(fileId, size);
    };
    const { troubles } = watchIt({ files: { ...site.store.files, publish } });
    await put('reads.fq', 'reads');
    await untilUploads(1);
    await expectOnly({ 'reads.fq': 'reads' });
    expect(troubles()).toHaveLength(1);
  });

  // Whoever put a file there may think better of it.
  test('is not what a file makes that vanishes', async () => {
    await mkdir(folder);
    let vanished = 0;
    const insert: ArrivingDocuments['insert'] = async (file) => {
      if (file.name === 'gone.fq') {
        await rm(join(folder, file.name));
        vanished += 1;
      }
      return site.store.files.insert(file);
    };
    const { troubles } = watchIt({ files: { ...site.store.files, insert } });
    await put('gone.fq');
    await waitFor(() => vanished === 1, 'the file to vanish');
    await put('stays.fq', 'stays');
    await untilUploads(1);
    await waitFor(async () => (await documents()).length === 1, 'one document');
    await expectOnly({ 'stays.fq': 'stays' });
    expect(troubles()).toEqual([]);
  });

  test('with the folder is logged once, and watching goes on when it is back', async () => {
    const { troubles, lines } = watchIt();
    await waitFor(() => stat(folder).catch(() => undefined), 'the folder');
    await rm(folder, { recursive: true });
    await waitFor(() => troubles().length === 1, 'the log line');
    await mkdir(folder);
    await put('reads.fq', 'reads');
    await untilUploads(1);
    expect(lines.map(({ msg }) => msg)).toContain('watch folder can be used again');
    await rm(folder, { recursive: true });
    await writeFile(folder, 'a file in its place');
    await waitFor(() => troubles().length >= 2, 'the second log line');
    await rm(folder);
    await mkdir(folder);
    await put('more.fq', 'more');
    await untilUploads(2);
  });

  // It would take its own uploads for new files, again and again.
  test('is to watch the files folder itself', async () => {
    folder = site.data.files;
    await put('abcdefgh-reads.fq');
    const { troubles } = watchIt();
    await waitFor(() => troubles().length > 0, 'the log line');
    expect(troubles()[0]?.err?.message).toMatch(/must not be the files folder/);
    expect(await documents()).toEqual([]);
    expect(await onDisk()).toEqual(['abcdefgh-reads.fq']);
  });

  test('is over with stop: the folder rests until another watch begins', async () => {
    await mkdir(folder);
    let taken = 0;
    const insert: ArrivingDocuments['insert'] = (file) => {
      taken += 1;
      return site.store.files.insert(file);
    };
    const { watching } = watchIt({ files: { ...site.store.files, insert } });
    await put('reads.fq');
    await untilUploads(1);
    await watching.stop();
    await put('late.fq');
    // The first one would have been faster.
    watchIt({ stableMs: 500 });
    await untilUploads(2);
    expect(taken).toBe(1);
  });
});

describe('a watch that was killed', () => {
  async function watchUntilKilled(point: KillPoint): Promise<void> {
    const name = site.store.database.db.databaseName;
    const args = [RUNNER, KILLED, inject('mongoUrl'), name, folder, site.data.root, point];
    const child = spawn(process.execPath, args, { stdio: 'inherit' });
    onTestFinished(() => void child.kill('SIGKILL'));
    const [, signal] = await once(child, 'exit');
    expect(signal).toBe('SIGKILL');
  }

  test('before the move begins anew: the file is neither lost nor doubled', async () => {
    await mkdir(folder);
    await put('reads.fq', 'reads');
    await watchUntilKilled('insert');
    expect(await documents()).toMatchObject([{ ready: false, created: false }]);
    expect(await onDisk()).toEqual([]);
    watchIt();
    await untilUploads(1);
    await expectOnly({ 'reads.fq': 'reads' });
  });

  test('between the move and the document ends the work: the file is neither lost nor doubled', async () => {
    await mkdir(folder);
    await put('reads.fq', 'reads');
    await watchUntilKilled('publish');
    expect(await documents()).toMatchObject([{ ready: false, created: false }]);
    expect(await onDisk()).toHaveLength(1);
    expect(await readdir(folder)).toEqual([]);
    // The housekeeping must not take it for a broken upload.
    expect(await site.store.files.unfinished(new Date(Date.now() + NEVER_MS))).toEqual([]);
    await put('reads.fq', 'others of the same name');
    watchIt();
    const both = await untilUploads(2);
    expect(both.map(({ size }) => size).sort()).toEqual([23, 5]);
    expect(await documents()).toHaveLength(2);
  });

  // As after a copy to another file system, when the source could not be removed any more.
  test('between a copy and the end of its source removes the source', async () => {
    await mkdir(folder);
    await put('reads.fq', 'reads');
    const source = (await fingerprintOf(join(folder, 'reads.fq')))!;
    const file = await site.store.files.insert({ name: 'reads.fq', type: 'reads', userId: null, source });
    await writeFile(site.data.file(file._id), 'reads');
    watchIt();
    await untilUploads(1);
    await expectOnly({ 'reads.fq': 'reads' });
    expect((await documents())[0]?._id).toBe(file._id);
  });

  test('in the middle of a copy leaves no part behind', async () => {
    await mkdir(folder);
    await put('reads.fq', 'reads');
    const source = (await fingerprintOf(join(folder, 'reads.fq')))!;
    const file = await site.store.files.insert({ name: 'reads.fq', type: 'reads', userId: null, source });
    await mkdir(join(site.data.files, '.incoming'));
    await writeFile(join(site.data.files, '.incoming', file._id), 're');
    watchIt();
    await untilUploads(1);
    await expectOnly({ 'reads.fq': 'reads' });
    expect(await readdir(join(site.data.files, '.incoming'))).toEqual([]);
  });
});

const SHARED_MEMORY = '/dev/shm';

// A host without a second file system has nothing that could be moved across.
describe.skipIf(!isOtherFileSystem(SHARED_MEMORY))('on another file system than the data', () => {
  beforeEach(() => {
    const other = mkdtempSync(join(SHARED_MEMORY, 'virtool-watch-'));
    onTestFinished(() => rmSync(other, { recursive: true, force: true }));
    folder = other;
  });

  test('files are copied whole and then removed', async () => {
    watchIt();
    const content = 'ACGT'.repeat(1_000_000);
    await put('large.fq', content);
    await untilUploads(1);
    await expectOnly({ 'large.fq': content });
    expect(await readdir(join(site.data.files, '.incoming'))).toEqual([]);
  });

  test.each([
    ['grows', 'reads and more'],
    ['is written anew', 'READS'],
  ])('a file that %s while it is copied is taken once, as it is in the end', async (_, content) => {
    let tries = 0;
    const insert: ArrivingDocuments['insert'] = async (file) => {
      const document = await site.store.files.insert(file);
      tries += 1;
      if (tries === 1) await writeFile(join(folder, file.name), content);
      return document;
    };
    watchIt({ files: { ...site.store.files, insert } });
    await put('reads.fq', 'reads');
    await untilUploads(1);
    await expectOnly({ 'reads.fq': content });
    expect(tries).toBe(2);
  });
});

function isOtherFileSystem(path: string): boolean {
  const found = statSync(path, { throwIfNoEntry: false });
  return found !== undefined && found.dev !== statSync(tmpdir()).dev;
}
