import { lstat } from 'node:fs/promises';

/** What tells one state of a file from another. */
export type Fingerprint = { size: number; mtime_ms: number };

/** Whether nobody has written between two looks. */
export function isSame(one: Fingerprint, other: Fingerprint): boolean {
  return one.size === other.size && one.mtime_ms === other.mtime_ms;
}

/** Size and time of change of a regular file; undefined when there is none, or something else. */
export async function fingerprintOf(path: string): Promise<Fingerprint | undefined> {
  try {
    const found = await lstat(path);
    return found.isFile() ? { size: found.size, mtime_ms: found.mtimeMs } : undefined;
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(String((error as NodeJS.ErrnoException).code))) return undefined;
    throw error;
  }
}

/** A file counts as whole when it has looked the same for `stableMs`. All times are of one steady clock. */
export function createSettling(stableMs: number) {
  const seen = new Map<string, Fingerprint & { sinceMs: number }>();
  return {
    /** Notes how a file looks now, and tells whether it has settled. */
    isSettled(name: string, print: Fingerprint, nowMs: number): boolean {
      const before = seen.get(name);
      if (before && isSame(before, print)) return nowMs - before.sinceMs >= stableMs;
      seen.set(name, { ...print, sinceMs: nowMs });
      return stableMs <= 0;
    },

    /** Forgets all other files. */
    keep(names: ReadonlySet<string>): void {
      for (const name of seen.keys()) if (!names.has(name)) seen.delete(name);
    },
  };
}
