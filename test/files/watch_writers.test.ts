import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import {
  appendFile,
  type FileHandle,
  link,
  mkdir,
  open,
  readdir,
  readFile,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import type { ArrivingDocuments } from '../../src/files/arrivals.js';
import { waitFor } from '../support/wait.js';
import type { KillPoint } from '../support/watch_folder.js';
import { type WatchLab, watchLab } from '../support/watch_lab.js';

const SHARED_MEMORY = '/dev/shm';
const RECORD = '@read\nACGTACGT\n+\nIIIIIIII\n';
const HALF = RECORD.repeat(50);
const WHOLE = RECORD.repeat(100);

let lab: WatchLab;
beforeEach(async () => {
  lab = await watchLab();
});
afterEach(() => lab.dispose());

/** Another process that writes a file: what it is told to, at once, until it is told to end. */
function startWriter(path: string) {
  const child: ChildProcess = spawn('sh', ['-c', 'exec cat > "$0"', path], { stdio: ['pipe', 'ignore', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  return {
    write: (text: string) => child.stdin?.write(text),
    end: (text: string) => child.stdin?.end(text),
    wrote: (size: number) => waitFor(async () => (await sizeOf(path)) === size, `${size} bytes of the writer`),
  };
}

const sizeOf = (path: string) =>
  stat(path).then(
    ({ size }) => size,
    () => undefined,
  );

/** Puts other files into the folder, one after the other, and waits until they are taken: all names before theirs have had their turn, too. */
async function letItLook(): Promise<void> {
  for (const [number, name] of Object.keys(later).entries()) {
    await lab.put(name, RECORD);
    await lab.untilUploads(number + 1);
  }
}

const later = { 'z1.fq': RECORD, 'z2.fq': RECORD };

/** The watch's documents; `onInsert` runs after the first document of `slow.fq` was made, when the file has been found whole. */
function filesWith(onInsert: () => Promise<unknown>): ArrivingDocuments & { inserts(): number } {
  const { files } = lab.site.store;
  let inserts = 0;
  const insert: ArrivingDocuments['insert'] = async (file) => {
    const document = await files.insert(file);
    if (file.name === 'slow.fq' && ++inserts === 1) await onInsert();
    return document;
  };
  return { ...files, insert, inserts: () => inserts };
}

/** The path of a file that has been taken under this name. */
async function takenPath(name: string): Promise<string> {
  return waitFor(async () => {
    const found = (await lab.documents()).find((document) => document.name === name);
    const path = found && lab.site.data.file(found._id);
    return path && (await sizeOf(path)) !== undefined ? path : undefined;
  }, `${name} to be taken`);
}

const places = [
  ['the same file system as', () => lab.folder],
  ['another file system than', () => otherFolder()],
] as const;

describe.each(places)('on %s the data', (where, choose) => {
  beforeEach(async (context) => {
    if (where.startsWith('another') && !isOtherFileSystem(SHARED_MEMORY))
      return context.skip('there is no second file system');
    lab.folder = choose();
    await mkdir(lab.folder, { recursive: true });
  });

  test('a file that a process of this host still has open is not taken, however long the pause', async () => {
    const writer = startWriter(join(lab.folder, 'slow.fq'));
    writer.write(HALF);
    await writer.wrote(HALF.length);
    lab.watchIt();
    await letItLook();
    expect(await sizeOf(join(lab.folder, 'slow.fq'))).toBe(HALF.length);
    writer.end(HALF);
    await lab.untilUploads(3);
    await lab.expectOnly({ ...later, 'slow.fq': WHOLE });
  });

  test.each([
    ['a record', Buffer.from(WHOLE), HALF.length + 12],
    ['gzip data', gzipSync(WHOLE), 40],
    [
      'a record of gzip data',
      Buffer.concat([gzipSync(`${HALF}@re`), gzipSync(`${HALF.slice(3)}`)]),
      gzipSync(`${HALF}@re`).length,
    ],
  ])('a file that ends within %s is not taken before the rest has come', async (_, content, cut) => {
    await lab.put('slow.fq', content.subarray(0, cut));
    const { troubles } = lab.watchIt();
    await letItLook();
    expect(await sizeOf(join(lab.folder, 'slow.fq'))).toBe(cut);
    await appendFile(join(lab.folder, 'slow.fq'), content.subarray(cut));
    await lab.untilUploads(3);
    await lab.expectOnly({ ...later, 'slow.fq': content });
    expect(troubles()).toEqual([]);
  });

  test('a file that goes on to grow while it is taken becomes ready when it is whole, with its size', async () => {
    let writer: FileHandle | undefined;
    const grow = async () => {
      writer = await open(join(lab.folder, 'slow.fq'), 'a');
      await writer.write(HALF.slice(0, 40));
    };
    await lab.put('slow.fq', HALF);
    lab.watchIt({ files: filesWith(grow) });
    await waitFor(() => writer, 'the file to be taken');
    await letItLook();
    expect((await lab.documents()).filter(({ name, ready }) => name === 'slow.fq' && ready)).toEqual([]);
    await writer?.write(HALF.slice(40));
    await writer?.close();
    await lab.untilUploads(3);
    await lab.expectOnly({ ...later, 'slow.fq': WHOLE });
  });

  test('a damaged file stays, with one line in the log and a notice beside it, until it is replaced', async () => {
    const content = gzipSync(WHOLE);
    await lab.put('bad.fq.gz', content.subarray(0, -9));
    const { troubles } = lab.watchIt({ noticeMs: 0 });
    const notice = join(lab.folder, 'bad.fq.gz.not-taken.txt');
    await waitFor(() => sizeOf(notice), 'the notice');
    await letItLook();
    expect(await readFile(notice, 'utf8')).toMatch(
      /^Virtool has not taken bad\.fq\.gz: its gzip data end too early\.\n/,
    );
    expect(troubles().map(({ file, err }) => [file, err?.message])).toEqual([
      ['bad.fq.gz', 'It is not whole: its gzip data end too early'],
    ]);
    await lab.put('bad.fq.gz', content);
    await lab.untilUploads(3);
    await lab.expectOnly({ ...later, 'bad.fq.gz': content });
    await waitFor(async () => (await readdir(lab.folder)).length === 0, 'the notice to go');
  });

  test.each<KillPoint>(['insert', 'arrived', 'publish'])(
    'a kill at "%s" neither loses nor doubles a file',
    async (point) => {
      await lab.put('slow.fq', WHOLE);
      await lab.watchUntilKilled(point);
      lab.watchIt();
      await lab.untilUploads(1);
      await lab.expectOnly({ 'slow.fq': WHOLE });
      expect(await readdir(join(lab.site.data.files, '.incoming')).catch(() => [])).toEqual([]);
    },
  );
});

describe('on the same file system as the data', () => {
  beforeEach(() => mkdir(lab.folder));

  // As a writer on another host, which nobody sees from here.
  test('a file that an unseen writer goes on with becomes ready when it is whole, with its size', async () => {
    await lab.put('slow.fq', HALF);
    lab.watchIt({ files: filesWith(() => appendFile(join(lab.folder, 'slow.fq'), '@cut')) });
    const path = await takenPath('slow.fq');
    await letItLook();
    expect((await lab.documents()).find(({ name }) => name === 'slow.fq')).toMatchObject({ ready: false });
    const rest = `\nACGT\n+\nIIII\n${RECORD}`;
    await appendFile(path, rest);
    await lab.untilUploads(3);
    await lab.expectOnly({ ...later, 'slow.fq': `${HALF}@cut${rest}` });
  });

  test('a file that was spoilt after it was taken is put back, with a notice', async () => {
    await lab.put('slow.fq', HALF);
    lab.watchIt({ noticeMs: 0, files: filesWith(() => appendFile(join(lab.folder, 'slow.fq'), '@cut')) });
    await waitFor(() => sizeOf(join(lab.folder, 'slow.fq.not-taken.txt')), 'the notice');
    expect(await readFile(join(lab.folder, 'slow.fq'), 'utf8')).toBe(`${HALF}@cut`);
    expect(await lab.documents()).toEqual([]);
    expect(await lab.onDisk()).toEqual([]);
  });

  test('a spoilt file whose name is taken meanwhile is put back under its id', async () => {
    await lab.put('slow.fq', HALF);
    lab.watchIt({ noticeMs: 300, files: filesWith(() => appendFile(join(lab.folder, 'slow.fq'), '@cut')) });
    const taken = await takenPath('slow.fq');
    await lab.put('slow.fq', '@cut, too');
    const back = join(lab.folder, basename(taken));
    await waitFor(() => sizeOf(`${back}.not-taken.txt`), 'the notice');
    expect(await readFile(back, 'utf8')).toBe(`${HALF}@cut`);
    expect(await readFile(join(lab.folder, 'slow.fq'), 'utf8')).toBe('@cut, too');
    expect(await lab.documents()).toEqual([]);
  });

  // What was put back just before a kill has two names for a moment.
  test('a kill while a file is put back neither loses nor doubles it', async () => {
    await lab.put('slow.fq', HALF);
    let spoilt = false;
    const spoil = async () => {
      await appendFile(join(lab.folder, 'slow.fq'), '@cut');
      spoilt = true;
    };
    const { watching } = lab.watchIt({ files: filesWith(spoil) });
    await waitFor(() => spoilt, 'the file to be taken');
    const path = await takenPath('slow.fq');
    await watching.stop();
    await link(path, join(lab.folder, 'slow.fq'));
    lab.watchIt();
    await waitFor(async () => (await lab.documents()).length === 0, 'the document to go');
    await writeFile(join(lab.folder, 'slow.fq'), WHOLE);
    await lab.untilUploads(1);
    await lab.expectOnly({ 'slow.fq': WHOLE });
  });

  test('a text of somebody else that looks like a notice stays', async () => {
    await lab.put('mine.fq.not-taken.txt', 'by the other laboratory');
    lab.watchIt();
    await letItLook();
    expect(await readdir(lab.folder)).toEqual(['mine.fq.not-taken.txt']);
    await rm(join(lab.folder, 'mine.fq.not-taken.txt'));
  });
});

// A host without a second file system has nothing that could be moved across.
describe.skipIf(!isOtherFileSystem(SHARED_MEMORY))('on another file system than the data', () => {
  beforeEach(() => {
    lab.folder = otherFolder();
  });

  test('files are copied whole and then removed', async () => {
    lab.watchIt();
    const content = 'ACGT'.repeat(1_000_000);
    await lab.put('large.fq', content);
    await lab.untilUploads(1);
    await lab.expectOnly({ 'large.fq': content });
    expect(await readdir(join(lab.site.data.files, '.incoming'))).toEqual([]);
  });

  test.each([
    ['grows', 'reads and more'],
    ['is written anew', 'READS'],
  ])('a file that %s while it is copied is taken once, as it is in the end', async (_, content) => {
    const files = filesWith(() => writeFile(join(lab.folder, 'slow.fq'), content));
    lab.watchIt({ files });
    await lab.put('slow.fq', 'reads');
    await lab.untilUploads(1);
    await lab.expectOnly({ 'slow.fq': content });
    expect(files.inserts()).toBe(2);
  });

  test('a file that grows after it was copied is copied again before it is removed', async () => {
    await lab.put('slow.fq', HALF);
    const { files } = lab.site.store;
    let hasGrown = false;
    const arriving: ArrivingDocuments['arriving'] = async () => {
      const all = await files.arriving();
      const [file] = all;
      if (file && !hasGrown && (await sizeOf(lab.site.data.file(file._id)))) {
        hasGrown = true;
        await appendFile(join(lab.folder, file.name), HALF);
      }
      return all;
    };
    lab.watchIt({ files: { ...files, arriving } });
    await lab.untilUploads(1);
    await lab.expectOnly({ 'slow.fq': WHOLE });
    expect(hasGrown).toBe(true);
  });
});

function otherFolder(): string {
  const other = mkdtempSync(join(SHARED_MEMORY, 'virtool-watch-'));
  onTestFinished(() => rmSync(other, { recursive: true, force: true }));
  return other;
}

function isOtherFileSystem(path: string): boolean {
  const found = statSync(path, { throwIfNoEntry: false });
  return found !== undefined && found.dev !== statSync(tmpdir()).dev;
}
