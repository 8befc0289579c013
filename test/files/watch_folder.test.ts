import { appendFile, mkdir, readdir, readFile, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { ArrivingDocuments } from '../../src/files/arrivals.js';
import { fingerprintOf } from '../../src/files/settling.js';
import { isReadsName } from '../../src/files/watch_folder.js';
import { waitFor } from '../support/wait.js';
import { type WatchLab, watchLab } from '../support/watch_lab.js';

const NEVER_MS = 10 * 60_000;

let lab: WatchLab;
beforeEach(async () => {
  lab = await watchLab();
});
afterEach(() => lab.dispose());

describe('what is taken', () => {
  test('files that lie in the folder when the watch begins, and files that come later by any way', async () => {
    await mkdir(lab.folder);
    await lab.put('early.fq', 'early');
    // No look without an event.
    lab.watchIt({ rescanMs: NEVER_MS });
    await lab.untilUploads(1);
    await lab.put('written.fastq', 'written');
    await writeFile(join(lab.folder, '..', 'elsewhere'), 'moved');
    await rename(join(lab.folder, '..', 'elsewhere'), join(lab.folder, 'Moved.FASTQ.GZ'));
    await lab.put('.copied.fq.gz.Xy12', 'copied');
    await rename(join(lab.folder, '.copied.fq.gz.Xy12'), join(lab.folder, 'copied.fq.gz'));
    await lab.untilUploads(4);
    await lab.expectOnly({
      'early.fq': 'early',
      'written.fastq': 'written',
      'Moved.FASTQ.GZ': 'moved',
      'copied.fq.gz': 'copied',
    });
    expect((await lab.documents()).every(({ _id, name }) => /^[0-9a-z]{8}-/.test(_id) && _id.slice(9) === name)).toBe(
      true,
    );
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
    await mkdir(join(lab.folder, 'folder.fastq'), { recursive: true });
    await lab.put('folder.fastq/inside.fq');
    await lab.put('target.txt');
    await symlink(join(lab.folder, 'target.txt'), join(lab.folder, 'link.fq'));
    for (const name of ['.hidden.fq', 'copying.fq.gz.part', 'copying.fq.tmp', 'old.fq~', 'notes.docx'])
      await lab.put(name);
    await lab.put('empty.fq', '');
    const before = (await readdir(lab.folder, { recursive: true })).sort();
    lab.watchIt();
    await lab.put('reads.fq', 'reads');
    await lab.untilUploads(1);
    expect((await readdir(lab.folder, { recursive: true })).sort()).toEqual(before);
    expect(await lab.documents()).toHaveLength(1);
  });

  test('a file that is still written is taken when it is whole', async () => {
    await mkdir(lab.folder);
    lab.watchIt({ settleMs: 1_500 });
    let content = '';
    const end = Date.now() + 3_000;
    while (Date.now() < end) {
      content += 'ACGTACGT\n'.repeat(100);
      await appendFile(join(lab.folder, 'growing.fq'), 'ACGTACGT\n'.repeat(100));
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    await lab.untilUploads(1);
    await lab.expectOnly({ 'growing.fq': content });
  });

  test('two files of the same name one after the other are two uploads', async () => {
    lab.watchIt();
    await waitFor(() => stat(lab.folder).catch(() => undefined), 'the folder');
    await lab.put('reads.fq', 'first');
    await lab.untilUploads(1);
    await lab.put('reads.fq', 'second');
    const both = await lab.untilUploads(2);
    const contents = await Promise.all(both.map(({ _id }) => readFile(lab.site.data.file(_id), 'utf8')));
    expect(contents.sort()).toEqual(['first', 'second']);
  });
});

describe('trouble', () => {
  test('with one file is logged once and hinders no other; the file is taken when the trouble is over', async () => {
    await mkdir(lab.folder);
    let tries = 0;
    let isBroken = true;
    const insert: ArrivingDocuments['insert'] = (file) => {
      if (file.name !== 'bad.fq' || !isBroken) return lab.site.store.files.insert(file);
      tries += 1;
      throw new Error('no place for it');
    };
    const { troubles } = lab.watchIt({ files: { ...lab.site.store.files, insert } });
    await lab.put('bad.fq', 'bad');
    await lab.put('good.fq', 'good');
    await lab.put(`${'x'.repeat(245)}.fq`);
    await lab.put('void.fq', '');
    await lab.untilUploads(1);
    await waitFor(() => tries > 3, 'several tries');
    await waitFor(() => troubles().length === 3, 'all troubles');
    expect(
      troubles()
        .map(({ file }) => file?.slice(0, 7))
        .sort(),
    ).toEqual(['bad.fq', 'void.fq', 'xxxxxxx']);
    isBroken = false;
    await lab.untilUploads(2);
    await lab.put('void.fq', 'reads at last');
    await lab.untilUploads(3);
    expect(troubles()).toHaveLength(3);
  });

  test('of the database after the file was moved leaves it to be made ready later', async () => {
    await mkdir(lab.folder);
    let failures = 0;
    const publish: ArrivingDocuments['publish'] = (fileId, size) => {
      failures += 1;
      if (failures < 4) throw new Error('database is away');
      return lab.site.store.files.publish(fileId, size);
    };
    const { troubles } = lab.watchIt({ files: { ...lab.site.store.files, publish } });
    await lab.put('reads.fq', 'reads');
    await lab.untilUploads(1);
    await lab.expectOnly({ 'reads.fq': 'reads' });
    expect(troubles()).toHaveLength(1);
  });

  // Whoever put a file there may think better of it.
  test('is not what a file makes that vanishes', async () => {
    await mkdir(lab.folder);
    let vanished = 0;
    const insert: ArrivingDocuments['insert'] = async (file) => {
      if (file.name === 'gone.fq') {
        await rm(join(lab.folder, file.name));
        vanished += 1;
      }
      return lab.site.store.files.insert(file);
    };
    const { troubles } = lab.watchIt({ files: { ...lab.site.store.files, insert } });
    await lab.put('gone.fq');
    await waitFor(() => vanished === 1, 'the file to vanish');
    await lab.put('stays.fq', 'stays');
    await lab.untilUploads(1);
    await waitFor(async () => (await lab.documents()).length === 1, 'one document');
    await lab.expectOnly({ 'stays.fq': 'stays' });
    expect(troubles()).toEqual([]);
  });

  test('with the folder is logged once, and watching goes on when it is back', async () => {
    const { troubles, lines } = lab.watchIt();
    await waitFor(() => stat(lab.folder).catch(() => undefined), 'the folder');
    await rm(lab.folder, { recursive: true });
    await waitFor(() => troubles().length === 1, 'the log line');
    await mkdir(lab.folder);
    await lab.put('reads.fq', 'reads');
    await lab.untilUploads(1);
    expect(lines.map(({ msg }) => msg)).toContain('watch folder can be used again');
    await rm(lab.folder, { recursive: true });
    await writeFile(lab.folder, 'a file in its place');
    await waitFor(() => troubles().length >= 2, 'the second log line');
    await rm(lab.folder);
    await mkdir(lab.folder);
    await lab.put('more.fq', 'more');
    await lab.untilUploads(2);
  });

  // It would take its own uploads for new files, again and again.
  test('is to watch the files folder itself', async () => {
    lab.folder = lab.site.data.files;
    await lab.put('abcdefgh-reads.fq');
    const { troubles } = lab.watchIt();
    await waitFor(() => troubles().length > 0, 'the log line');
    expect(troubles()[0]?.err?.message).toMatch(/must not be the files folder/);
    expect(await lab.documents()).toEqual([]);
    expect(await lab.onDisk()).toEqual(['abcdefgh-reads.fq']);
  });

  test('is over with stop: the folder rests until another watch begins', async () => {
    await mkdir(lab.folder);
    let taken = 0;
    const insert: ArrivingDocuments['insert'] = (file) => {
      taken += 1;
      return lab.site.store.files.insert(file);
    };
    const { watching } = lab.watchIt({ files: { ...lab.site.store.files, insert } });
    await lab.put('reads.fq');
    await lab.untilUploads(1);
    await watching.stop();
    await lab.put('late.fq');
    // The first one would have been faster.
    lab.watchIt({ settleMs: 500 });
    await lab.untilUploads(2);
    expect(taken).toBe(1);
  });
});

describe('a watch that was killed', () => {
  test('before the move begins anew: the file is neither lost nor doubled', async () => {
    await mkdir(lab.folder);
    await lab.put('reads.fq', 'reads');
    await lab.watchUntilKilled('insert');
    expect(await lab.documents()).toMatchObject([{ ready: false, created: false }]);
    expect(await lab.onDisk()).toEqual([]);
    lab.watchIt();
    await lab.untilUploads(1);
    await lab.expectOnly({ 'reads.fq': 'reads' });
  });

  test('between the move and the document ends the work: the file is neither lost nor doubled', async () => {
    await mkdir(lab.folder);
    await lab.put('reads.fq', 'reads');
    await lab.watchUntilKilled('publish');
    expect(await lab.documents()).toMatchObject([{ ready: false, created: false }]);
    expect(await lab.onDisk()).toHaveLength(1);
    expect(await readdir(lab.folder)).toEqual([]);
    // The housekeeping must not take it for a broken upload.
    expect(await lab.site.store.files.unfinished(new Date(Date.now() + NEVER_MS))).toEqual([]);
    await lab.put('reads.fq', 'others of the same name');
    lab.watchIt();
    const both = await lab.untilUploads(2);
    expect(both.map(({ size }) => size).sort()).toEqual([23, 5]);
    expect(await lab.documents()).toHaveLength(2);
  });

  // As after a copy to another file system, when the source could not be removed any more.
  test('between a copy and the end of its source removes the source', async () => {
    await mkdir(lab.folder);
    await lab.put('reads.fq', 'reads');
    const source = (await fingerprintOf(join(lab.folder, 'reads.fq')))!;
    const file = await lab.site.store.files.insert({ name: 'reads.fq', type: 'reads', userId: null, source });
    await writeFile(lab.site.data.file(file._id), 'reads');
    lab.watchIt();
    await lab.untilUploads(1);
    await lab.expectOnly({ 'reads.fq': 'reads' });
    expect((await lab.documents())[0]?._id).toBe(file._id);
  });

  test('in the middle of a copy leaves no part behind', async () => {
    await mkdir(lab.folder);
    await lab.put('reads.fq', 'reads');
    const source = (await fingerprintOf(join(lab.folder, 'reads.fq')))!;
    const file = await lab.site.store.files.insert({ name: 'reads.fq', type: 'reads', userId: null, source });
    await mkdir(join(lab.site.data.files, '.incoming'));
    await writeFile(join(lab.site.data.files, '.incoming', file._id), 're');
    lab.watchIt();
    await lab.untilUploads(1);
    await lab.expectOnly({ 'reads.fq': 'reads' });
    expect(await readdir(join(lab.site.data.files, '.incoming'))).toEqual([]);
  });
});
