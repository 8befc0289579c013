import { inodesOpenForWriting } from './open_files.js';
import { createSettling, type Fingerprint, isSame } from './settling.js';
import { findFlaw } from './wholeness.js';

/** `waiting`: look again; a flaw is why the content is not whole, and `knownMs` for how long that is known. */
export type Judgement = 'waiting' | 'whole' | { flaw: string; knownMs: number };

/** Judges whether files have come to their end. */
export type Judge = {
  /** From now on what is open for writing is asked anew. */
  lookAnew(): void;
  isOpen(print: Fingerprint): Promise<boolean>;
  /**
   * Judges a file that looks like `print`: it is whole when it has settled, nobody has it open for writing, and its content has no flaw.
   *
   * @throws what the disk throws when the content is read.
   */
  of(key: string, path: string, print: Fingerprint): Promise<Judgement>;
  /** Forgets all other files. */
  keep(keys: ReadonlySet<string>): void;
};

type Content = { print: Fingerprint; state: 'read' | 'whole' | { flaw: string } | { error: unknown }; sinceMs: number };

/** Makes a judge. Content is read once for each state of a file, one file at a time, while others are judged. */
export function createJudge(options: {
  settleMs: number;
  /** After this time content that could not be read is read again. */
  retryMs: number;
  concerns: (name: string) => boolean;
  signal: AbortSignal;
}): Judge {
  const { settleMs, retryMs, concerns, signal } = options;
  const settling = createSettling(settleMs);
  const contents = new Map<string, Content>();
  const openUntil = new Map<string, number>();
  let inodes: Promise<Set<number>> | undefined;
  let reading: Promise<void> = Promise.resolve();

  const isOpen = async ({ inode }: Fingerprint): Promise<boolean> => {
    inodes ??= inodesOpenForWriting(concerns);
    return inode !== undefined && (await inodes).has(inode);
  };

  const read = (key: string, path: string, print: Fingerprint): void => {
    const content: Content = { print, state: 'read', sinceMs: performance.now() };
    contents.set(key, content);
    reading = reading.then(async () => {
      if (contents.get(key) !== content || signal.aborted) return;
      try {
        const flaw = await findFlaw(path, signal);
        content.state = flaw === undefined ? 'whole' : { flaw };
      } catch (error) {
        content.state = { error };
      }
      content.sinceMs = performance.now();
    });
  };

  return {
    isOpen,

    lookAnew() {
      inodes = undefined;
    },

    async of(key, path, print) {
      const now = performance.now();
      if (!settling.isSettled(key, print, now)) {
        contents.delete(key);
        return 'waiting';
      }
      if (now < (openUntil.get(key) ?? 0)) return 'waiting';
      const known = contents.get(key);
      const isKnown = known !== undefined && isSame(known.print, print);
      if ((!isKnown || known.state === 'whole') && (await isOpen(print))) {
        // All processes are looked through for that.
        openUntil.set(key, now + settleMs / 6);
        return 'waiting';
      }
      if (!isKnown) read(key, path, print);
      if (!isKnown || known.state === 'read') return 'waiting';
      if (known.state === 'whole') return 'whole';
      if ('flaw' in known.state) return { flaw: known.state.flaw, knownMs: now - known.sinceMs };
      if (now - known.sinceMs >= retryMs) contents.delete(key);
      throw known.state.error;
    },

    keep(keys) {
      settling.keep(keys);
      for (const map of [contents, openUntil]) for (const key of map.keys()) if (!keys.has(key)) map.delete(key);
    },
  };
}
