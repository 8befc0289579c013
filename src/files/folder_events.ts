import { stat } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { type FSWatcher, watch } from 'chokidar';

/** Calls back when something happens in a folder, as long as the system tells. */
export type FolderEvents = {
  /** Begins to listen, or listens to the folder that has taken the former one's place. */
  open(): Promise<void>;
  close(): Promise<void>;
};

/** Events of the entries of a folder that `concerns` names; nothing below them. */
export function createFolderEvents(
  path: string,
  concerns: (entryPath: string) => boolean,
  listener: { onEvent: () => void; onError: (error: unknown) => void },
): FolderEvents {
  let current: { watcher: FSWatcher; folder: string } | undefined;
  const close = async (): Promise<void> => {
    await current?.watcher.close();
    current = undefined;
  };
  return {
    close,
    async open() {
      const { dev, ino } = await stat(path);
      const folder = `${dev}:${ino}`;
      if (current?.folder === folder) return;
      await close();
      const watcher = watch(path, {
        depth: 0,
        ignoreInitial: true,
        ignored: (entry, stats) => entry !== path && (stats?.isDirectory() === true || !concerns(entry)),
      });
      current = { watcher, folder };
      // A folder made anew may have the number of the one that went.
      watcher.on('unlinkDir', () => {
        if (current?.watcher === watcher) current.folder = '';
      });
      watcher.on('all', listener.onEvent);
      // What came while the watcher was opened is no event of its own.
      watcher.on('ready', listener.onEvent);
      watcher.on('error', listener.onError);
    },
  };
}

/** Ends a wait early. A ring while nobody waits counts for the next wait. */
export function createBell() {
  let isRung = false;
  let wake: (() => void) | undefined;
  return {
    ring(): void {
      isRung = true;
      wake?.();
    },

    /** Waits for a ring, `limitMs` at most. */
    async wait(limitMs: number): Promise<void> {
      const early = new AbortController();
      wake = () => early.abort();
      if (!isRung) await pause(limitMs, early.signal);
      wake = undefined;
      isRung = false;
    },
  };
}

/** Waits, less when the signal is aborted. */
export async function pause(limitMs: number, signal: AbortSignal): Promise<void> {
  await sleep(limitMs, undefined, { signal }).catch(() => undefined);
}
