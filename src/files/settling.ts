import { lstat } from 'node:fs/promises';

/** What tells one state of a file from another. Documents of older releases lack `inode`. */
export type Fingerprint = { size: number; mtime_ms: number; inode?: number };

/** Whether nobody has written between two looks, nor put another file in its place. */
export function isSame(one: Fingerprint, other: Fingerprint): boolean {
  const isOneFile = one.inode === undefined || other.inode === undefined || one.inode === other.inode;
  return isOneFile && one.size === other.size && one.mtime_ms === other.mtime_ms;
}

/** Size, time of change and inode of a regular file; undefined when there is none, or something else. */
export async function fingerprintOf(path: string): Promise<Fingerprint | undefined> {
  try {
    const found = await lstat(path);
    return found.isFile() ? { size: found.size, mtime_ms: found.mtimeMs, inode: found.ino } : undefined;
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(String((error as NodeJS.ErrnoException).code))) return undefined;
    throw error;
  }
}

/** A file has settled when it has looked the same for `settleMs`. All times are of one steady clock. */
export function createSettling(settleMs: number) {
  const seen = new Map<string, Fingerprint & { sinceMs: number }>();
  return {
    /** Notes how a file looks now, and tells whether it has settled. */
    isSettled(name: string, print: Fingerprint, nowMs: number): boolean {
      const before = seen.get(name);
      if (before && isSame(before, print)) return nowMs - before.sinceMs >= settleMs;
      seen.set(name, { ...print, sinceMs: nowMs });
      return settleMs <= 0;
    },

    /** Forgets all other files. */
    keep(names: ReadonlySet<string>): void {
      for (const name of seen.keys()) if (!names.has(name)) seen.delete(name);
    },
  };
}
