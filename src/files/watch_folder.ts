import { constants } from 'node:fs';
import { access, mkdir, readdir, realpath } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import type { Logger } from 'pino';
import { type ArrivalDeps, createArrivals } from './arrivals.js';
import { createBell, createFolderEvents, pause } from './folder_events.js';
import { createSettling, type Fingerprint, fingerprintOf } from './settling.js';
import { isUploadName } from './uploads.js';

/** A file that looks the same this long is whole: writers over a slow network pause for seconds. */
const STABLE_MS = 10_000;

/** Network file systems send no events, so the folder is also read now and then. */
const RESCAN_MS = 15_000;

const RETRY_MS = 60_000;
const LONGEST_LOOK_MS = 1_000;

/** Names of reads. Names of hidden and temporary files begin with `.`, `~` or `#`, or end otherwise. */
const READS_NAME = /^[^.~#].*\.(fq|fastq)(\.gz)?$/i;

const NO_FOLDER = 'watch folder cannot be used, trying again';
const NO_EVENTS = 'watch folder sends no events, it is read now and then instead';
const NO_FILE = 'file in the watch folder cannot be taken, trying again';
const NO_DOCUMENTS = 'file documents cannot be reached, trying again';

/** What a watch folder is built from, and the times that tests shorten. */
export type WatchFolderOptions = ArrivalDeps & {
  /** Ends watching, like `stop`. */
  signal?: AbortSignal;
  stableMs?: number;
  rescanMs?: number;
  retryMs?: number;
};

/** A folder that is being watched. */
export type WatchFolder = {
  /** Stops watching; resolves when nothing is being moved any more. */
  stop(): Promise<void>;
};

/** Whether a file of this name in the watch folder is taken. */
export function isReadsName(name: string): boolean {
  return READS_NAME.test(name);
}

/**
 * Makes uploads of all reads files that are or come into a folder, once they have stopped changing; nothing else there is
 * touched. Creates the folder. Never fails: a problem is logged once and tried again, until `stop` or the signal.
 */
export function startWatchFolder(options: WatchFolderOptions): WatchFolder {
  const stop = new AbortController();
  const signal = options.signal ? AbortSignal.any([options.signal, stop.signal]) : stop.signal;
  const done = watchUntil(signal, { ...options, path: resolve(options.path) });
  return {
    stop() {
      stop.abort();
      return done;
    },
  };
}

async function watchUntil(signal: AbortSignal, options: WatchFolderOptions): Promise<void> {
  const { path, log, rescanMs = RESCAN_MS } = options;
  const troubles = createTroubles(log.child({ folder: path }));
  const bell = createBell();
  signal.addEventListener('abort', bell.ring);
  const events = createFolderEvents(path, (entry) => isReadsName(basename(entry)), {
    onEvent: bell.ring,
    onError: (error) => troubles.ofWatch('events', error, NO_EVENTS),
  });
  const lookOnce = createRound(signal, options, troubles);
  await mkdir(path, { recursive: true }).catch((error: unknown) => troubles.ofWatch('folder', error, NO_FOLDER));
  while (!signal.aborted) {
    let againMs: number | undefined;
    try {
      await checkFolder(options);
      await events.open();
      if (troubles.over('folder')) log.info({ folder: path }, 'watch folder can be used again');
      againMs = await lookOnce();
    } catch (error) {
      await events.close();
      troubles.ofWatch('folder', error, NO_FOLDER);
    }
    // While files are looked at again anyway, the events of their writers need no answer.
    await (againMs === undefined ? bell.wait(rescanMs) : pause(againMs, signal));
  }
  await events.close();
}

async function checkFolder({ path, data }: WatchFolderOptions): Promise<void> {
  await access(path, constants.R_OK | constants.W_OK | constants.X_OK);
  const [watched, files] = await Promise.all([realpath(path), realpath(data.files)]);
  if (watched === files) throw new Error('The watch folder must not be the files folder of the data directory');
}

/**
 * Makes the function that looks once at all files and takes those that have settled; it gives the time after which to look
 * again when some have not.
 */
function createRound(
  signal: AbortSignal,
  options: WatchFolderOptions,
  troubles: Troubles,
): () => Promise<number | undefined> {
  const { path, stableMs = STABLE_MS, retryMs = RETRY_MS } = options;
  const settling = createSettling(stableMs);
  const arrivals = createArrivals(options);
  const retryAt = new Map<string, number>();
  let isUnfinished = true;

  /** Ends former arrivals. Gives the names that this did not work for; undefined when nobody knows. */
  async function recover(): Promise<Set<string> | undefined> {
    if (!isUnfinished) return new Set();
    try {
      const stuck = await arrivals.recover();
      for (const { name, error } of stuck) troubles.ofFile(name, error);
      isUnfinished = stuck.length > 0;
      troubles.over('documents');
      return new Set(stuck.map(({ name }) => name));
    } catch (error) {
      troubles.ofWatch('documents', error, NO_DOCUMENTS);
      return undefined;
    }
  }

  /** Takes a file that has settled; true when it has not. */
  async function look(name: string): Promise<boolean> {
    try {
      const print = await fingerprintOf(join(path, name));
      if (!print) return false;
      if (!settling.isSettled(name, print, performance.now())) {
        retryAt.delete(name);
        return true;
      }
      if (performance.now() >= (retryAt.get(name) ?? 0)) await take(name, print);
    } catch (error) {
      isUnfinished = true;
      retryAt.set(name, performance.now() + retryMs);
      // Whoever put a file there may take it away again.
      const isGone = (await fingerprintOf(join(path, name)).catch(() => true)) === undefined;
      if (!signal.aborted && !isGone) troubles.ofFile(name, error);
    }
    return false;
  }

  async function take(name: string, print: Fingerprint): Promise<void> {
    checkFile(name, print);
    await arrivals.take(name, print, signal);
    retryAt.delete(name);
    troubles.over(name);
  }

  return async () => {
    const stuck = await recover();
    if (!stuck) return undefined;
    const names = await readsIn(path);
    settling.keep(names);
    troubles.keep(names);
    for (const name of retryAt.keys()) if (!names.has(name)) retryAt.delete(name);
    let isWaiting = false;
    for (const name of names) {
      if (signal.aborted) break;
      if (!stuck.has(name) && (await look(name))) isWaiting = true;
    }
    await recover();
    return isWaiting ? Math.min(LONGEST_LOOK_MS, Math.ceil(stableMs / 4)) : undefined;
  };
}

/** What has the name of reads, in order. */
async function readsIn(path: string): Promise<Set<string>> {
  return new Set((await readdir(path)).filter(isReadsName).sort());
}

function checkFile(name: string, { size }: Fingerprint): void {
  // A name in another encoding than UTF-8 is read with this character and leads to no file.
  if (!isUploadName(name) || name.includes('\u{fffd}')) throw new Error('Its name is too long or has odd characters');
  if (size === 0) throw new Error('It is empty');
}

type Troubles = ReturnType<typeof createTroubles>;

/** Logs each trouble once, until it is over or becomes another. */
function createTroubles(log: Logger) {
  const ofWatch = new Map<string, string>();
  const ofFiles = new Map<string, string>();
  const isNew = (known: Map<string, string>, subject: string, error: unknown): boolean => {
    // Messages of the file system name the new id of each try, so the code tells more.
    const { code } = error as { code?: string | number };
    const kind = code === undefined ? String(error) : String(code);
    if (known.get(subject) === kind) return false;
    known.set(subject, kind);
    return true;
  };
  return {
    ofFile(name: string, error: unknown): void {
      if (isNew(ofFiles, name, error)) log.warn({ file: name, err: error }, NO_FILE);
    },

    ofWatch(subject: 'folder' | 'events' | 'documents', error: unknown, sentence: string): void {
      if (isNew(ofWatch, subject, error)) log.error({ err: error }, sentence);
    },

    /** Whether there was trouble with it until now. */
    over: (subject: string): boolean => ofFiles.delete(subject) || ofWatch.delete(subject),

    /** Forgets all other files. */
    keep(names: ReadonlySet<string>): void {
      for (const name of ofFiles.keys()) if (!names.has(name)) ofFiles.delete(name);
    },
  };
}
