import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { pino } from 'pino';
import { expect, inject, onTestFinished } from 'vitest';
import {
  isReadsName,
  startWatchFolder,
  type WatchFolder,
  type WatchFolderOptions,
} from '../../src/files/watch_folder.js';
import { testFolder } from './folders.js';
import { testStore } from './store.js';
import { waitFor } from './wait.js';
import type { KillPoint } from './watch_folder.js';

const RUNNER = fileURLToPath(new URL('./run_ts.mjs', import.meta.url));
const KILLED = fileURLToPath(new URL('./watch_folder.ts', import.meta.url));

/** A line of the log of a watch. */
export type WatchLine = { level: number; msg: string; file?: string; err?: { message: string } };

/** A watch folder, the data directory and the documents that its files get. */
export type WatchLab = Awaited<ReturnType<typeof watchLab>>;

/** Builds an empty one; `folder` does not exist yet, and may be changed before something is put into it. */
export async function watchLab() {
  const site = await testStore();
  const watches: WatchFolder[] = [];
  const uploads = async () => (await site.store.files.list('reads', { page: 1, perPage: 100 })).documents;
  const documents = () => site.store.files.collection.find().sort({ name: 1 }).toArray();
  const onDisk = async () => (await readdir(site.data.files)).filter((name) => name !== '.incoming').sort();
  const lab = {
    site,
    folder: join(testFolder(), 'watch'),
    documents,
    uploads,
    onDisk,

    /** Watches until the test ends; gives what was logged. */
    watchIt(options: Partial<WatchFolderOptions> = {}) {
      const lines: WatchLine[] = [];
      const log = pino({ level: 'debug' }, { write: (line: string) => void lines.push(JSON.parse(line)) });
      const times = { settleMs: 20, rescanMs: 50, retryMs: 50 };
      const { data, store } = site;
      const watching = startWatchFolder({ path: lab.folder, data, files: store.files, log, ...times, ...options });
      watches.push(watching);
      return { watching, troubles: () => lines.filter(({ level }) => level > 30), lines };
    },

    put: (name: string, content: string | Buffer = `@${name}\nACGT\n+\nIIII\n`) =>
      writeFile(join(lab.folder, name), content),

    async untilUploads(count: number) {
      await waitFor(async () => (await uploads()).length === count, `${count} uploads`);
      return (await uploads()).sort((a, b) => a.name.localeCompare(b.name));
    },

    /** Documents and disk hold exactly these files, whole, and the watch folder holds nothing that will come again. */
    async expectOnly(contents: Record<string, string | Buffer>): Promise<void> {
      const all = await documents();
      expect(all.map(({ name }) => name)).toEqual(Object.keys(contents).sort());
      expect(await onDisk()).toEqual(all.map(({ _id }) => _id).sort());
      for (const document of all) {
        expect(document).toMatchObject({ ready: true, created: true, reserved: false, user: null, type: 'reads' });
        expect(document).not.toHaveProperty('source');
        const content = Buffer.from(contents[document.name] ?? '');
        expect((await readFile(site.data.file(document._id))).equals(content)).toBe(true);
        expect(document.size).toBe(content.length);
      }
      expect((await readdir(lab.folder)).filter(isReadsName)).toEqual([]);
    },

    /** Watches in a process of its own, which kills itself at the point. */
    async watchUntilKilled(point: KillPoint): Promise<void> {
      const name = site.store.database.db.databaseName;
      const args = [RUNNER, KILLED, inject('mongoUrl'), name, lab.folder, site.data.root, point];
      const child = spawn(process.execPath, args, { stdio: 'inherit' });
      onTestFinished(() => void child.kill('SIGKILL'));
      const [, signal] = await once(child, 'exit');
      expect(signal).toBe('SIGKILL');
    },

    async dispose() {
      // A watch that goes on would make folders anew that are removed now.
      await Promise.all(watches.splice(0).map((watching) => watching.stop()));
      await site.dispose();
    },
  };
  return lab;
}
