import { spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { inodesOpenForWriting } from '../../src/files/open_files.js';
import { fingerprintOf } from '../../src/files/settling.js';
import { testFolder } from '../support/folders.js';
import { waitFor } from '../support/wait.js';

test('files that another process writes are found, and those that it only reads are not', async () => {
  const folder = testFolder();
  const names = ['read.fq', 'written.fq', 'appended.fq', 'both.fq', 'other.txt'];
  for (const name of names) await writeFile(join(folder, name), 'reads');
  const script = 'exec 3< read.fq 4> written.fq 5>> appended.fq 6<> both.fq 7> other.txt; echo open; read _';
  const child = spawn('sh', ['-c', script], { cwd: folder, stdio: ['pipe', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  let isOpen = false;
  child.stdout.once('data', () => {
    isOpen = true;
  });
  await waitFor(() => isOpen, 'the files to be opened');
  const found = await inodesOpenForWriting((name) => name.endsWith('.fq'));
  const isFound = async (name: string) => found.has((await fingerprintOf(join(folder, name)))?.inode ?? -1);
  expect(await Promise.all(names.map(isFound))).toEqual([false, true, true, true, false]);
});
