import { constants } from 'node:fs';
import { access, mkdir, readdir, realpath } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import type { Logger } from 'pino';
import { type ArrivalDeps, createArrivals } from './arrivals.js';
import { createBell, createFolderEvents, pause } from './folder_events.js';
import { createJudge } from './judge.js';
import { createNotices } from './notices.js';
import { type Fingerprint, fingerprintOf } from './settling.js';
import { isUploadName } from './uploads.js';

/** Writers over a slow network pause for twenty seconds. */
const SETTLE_MS = 30_000;

/** How long a file may lie there still, but not whole, before somebody is told. */
const NOTICE_MS = 10 * 60_000;

/** Network file systems send no events, so the folder is also read now and then. */
const RESCAN_MS = 15_000;

const RETRY_MS = 60_000;
const LONGEST_LOOK_MS = 1_000;

/** Names of reads. Names of hidden and temporary files begin with `.`, `~` or `#`, or end otherwise. */
const READS_NAME = /^[^.~#].*\.(fq|fastq)(\.gz)?$/i;

const NO_FOLDER = 'watch folder cannot be used, trying again';
const NO_EVENTS = 'watch folder sends no events, it is read now and then instead';
const NO_FILE = 'file in the watch folder cannot be taken, trying again';
const NO_NOTICE = 'notice cannot be put into the watch folder';
const NO_DOCUMENTS = 'file documents cannot be reached, trying again';

/** What a watch folder is built from, and the times that tests shorten. */
export type WatchFolderOptions = ArrivalDeps & {
  /** Ends watching, like `stop`. */
  signal?: AbortSignal;
  /** How long size and time of a file must have been still. */
  settleMs?: number;
  noticeMs?: number;
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
 * Makes uploads of all reads files that are or come into a folder, once nobody writes them any more and they are whole; nothing else there is
 * touched. One that does not become whole stays, with a notice beside it. Creates the folder. Never fails: a problem is logged once and tried again, until `stop` or the signal.
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
  const { path, settleMs = SETTLE_MS, noticeMs = NOTICE_MS, retryMs = RETRY_MS } = options;
  // The id of an upload ends with the name of its file.
  const judge = createJudge({ settleMs, retryMs, concerns: isReadsName, signal });
  const arrivals = createArrivals(options, judge, noticeMs);
  const notices = createNotices(path);
  const retryAt = new Map<string, number>();
  let arriving: readonly string[] = [];
  let isUnfinished = true;

  /** Ends former arrivals. Gives the names that this did not work for; undefined when nobody knows. */
  async function recover(): Promise<{ stuck: Set<string>; isWaiting: boolean } | undefined> {
    if (!isUnfinished) return { stuck: new Set(), isWaiting: false };
    try {
      const { stuck, waiting } = await arrivals.recover();
      for (const { name, error } of stuck) troubles.ofFile(name, error);
      isUnfinished = stuck.length > 0 || waiting.length > 0;
      arriving = waiting;
      troubles.over('documents');
      return { stuck: new Set(stuck.map(({ name }) => name)), isWaiting: waiting.length > 0 };
    } catch (error) {
      troubles.ofWatch('documents', error, NO_DOCUMENTS);
      return undefined;
    }
  }

  /** Takes a file that is whole; true when it has to be looked at again soon. */
  async function look(name: string): Promise<boolean> {
    try {
      const print = await fingerprintOf(join(path, name));
      if (!print) return false;
      const judgement = await judge.of(name, join(path, name), print);
      if (judgement === 'waiting') {
        retryAt.delete(name);
        return true;
      }
      if (judgement === 'whole') await take(name, print);
      else if (judgement.knownMs >= noticeMs) await tell(name, judgement.flaw);
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
    if (performance.now() < (retryAt.get(name) ?? 0)) return;
    checkFile(name, print);
    // The second look, which makes it ready, is one for all files of a round; only a copy is not left waiting for others.
    isUnfinished = true;
    const { isCopied } = await arrivals.take(name, print, signal);
    if (isCopied) await recover();
    retryAt.delete(name);
    troubles.over(name);
    await notices.remove(name);
  }

  async function tell(name: string, flaw: string): Promise<void> {
    if (!troubles.ofFile(name, new Error(`It is not whole: ${flaw}`))) return;
    await notices.put(name, flaw).catch((error: unknown) => troubles.ofWatch('notices', error, NO_NOTICE));
  }

  return async () => {
    const before = await recover();
    if (!before) return undefined;
    const entries = await readdir(path);
    const names = new Set(entries.filter(isReadsName).sort());
    judge.keep(new Set([...names, ...arriving]));
    judge.lookAnew();
    troubles.keep(new Set([...names, ...before.stuck]));
    await notices.keep(entries, names);
    for (const name of retryAt.keys()) if (!names.has(name)) retryAt.delete(name);
    let isWaiting = false;
    for (const name of names) {
      if (signal.aborted) break;
      if (!before.stuck.has(name) && (await look(name))) isWaiting = true;
    }
    const after = await recover();
    isWaiting ||= after?.isWaiting === true;
    return isWaiting ? Math.min(LONGEST_LOOK_MS, Math.ceil(settleMs / 4)) : undefined;
  };
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
    /** True when it is a new one. */
    ofFile(name: string, error: unknown): boolean {
      const isFirst = isNew(ofFiles, name, error);
      if (isFirst) log.warn({ file: name, err: error }, NO_FILE);
      return isFirst;
    },

    ofWatch(subject: 'folder' | 'events' | 'documents' | 'notices', error: unknown, sentence: string): void {
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
