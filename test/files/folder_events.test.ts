import { mkdir, rename, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { createBell, createFolderEvents } from '../../src/files/folder_events.js';
import { testFolder } from '../support/folders.js';
import { waitFor } from '../support/wait.js';

async function listen() {
  const folder = join(testFolder(), 'watch');
  await mkdir(folder);
  const heard = { events: 0, errors: [] as unknown[] };
  const events = createFolderEvents(folder, (entry) => basename(entry).endsWith('.fq'), {
    onEvent: () => {
      heard.events += 1;
    },
    onError: (error) => void heard.errors.push(error),
  });
  onTestFinished(() => events.close());
  await events.open();
  await waitFor(() => heard.events === 1, 'the watcher to be ready');
  return { folder, events, heard };
}

test('what concerns the listener is heard, once it is there', async () => {
  const { folder, heard } = await listen();
  await writeFile(join(folder, 'other.txt'), '');
  await mkdir(join(folder, 'below'));
  await writeFile(join(folder, 'below', 'reads.fq'), '');
  await writeFile(join(folder, 'reads.fq'), '');
  await waitFor(() => heard.events > 1, 'the file');
  expect(heard).toEqual({ events: 2, errors: [] });
});

test('a folder that took the place of the former one is heard', async () => {
  const { folder, events, heard } = await listen();
  await rename(folder, `${folder}-old`);
  await mkdir(folder);
  const before = heard.events;
  await events.open();
  await waitFor(() => heard.events > before, 'the new watcher to be ready');
  const ready = heard.events;
  await writeFile(join(folder, 'reads.fq'), '');
  await waitFor(() => heard.events > ready, 'the file');
});

test('a bell that rang before is not waited for', async () => {
  const bell = createBell();
  bell.ring();
  await bell.wait(10 * 60_000);
  const waiting = bell.wait(10 * 60_000);
  bell.ring();
  await waiting;
});
