import { readdir, readFile, readlink, stat } from 'node:fs/promises';
import { basename } from 'node:path';

const PROCESSES_AT_ONCE = 16;
/** `O_ACCMODE`: 0 is for reading alone. */
const ACCESS_MODE = 0o3;

/**
 * The inodes of the files that some process of this host has open for writing, of those whose names `concerns` picks. Processes that this user
 * may not look into are left out; without `/proc` the set is empty.
 */
export async function inodesOpenForWriting(concerns: (name: string) => boolean): Promise<Set<number>> {
  const processes = (await orNothing(readdir('/proc'), [])).filter((name) => /^\d+$/.test(name));
  const inodes = new Set<number>();
  for (let at = 0; at < processes.length; at += PROCESSES_AT_ONCE) {
    const some = processes.slice(at, at + PROCESSES_AT_ONCE);
    const found = await Promise.all(some.map((process) => writtenBy(`/proc/${process}`, concerns)));
    for (const inode of found.flat()) inodes.add(inode);
  }
  return inodes;
}

async function writtenBy(process: string, concerns: (name: string) => boolean): Promise<number[]> {
  const descriptors = await orNothing(readdir(`${process}/fd`), []);
  const inodes = await Promise.all(
    descriptors.map(async (descriptor) => {
      // The link tells the name without a question to a file system, which may be one that hangs.
      const target = await orNothing(readlink(`${process}/fd/${descriptor}`), '');
      if (!target.startsWith('/') || !concerns(basename(target))) return undefined;
      const facts = await orNothing(readFile(`${process}/fdinfo/${descriptor}`, 'utf8'), '');
      const flags = Number.parseInt(/^flags:\s*([0-7]+)/m.exec(facts)?.[1] ?? '0', 8);
      if ((flags & ACCESS_MODE) === 0) return undefined;
      return (await orNothing(stat(`${process}/fd/${descriptor}`), undefined))?.ino;
    }),
  );
  return inodes.filter((inode) => inode !== undefined);
}

// A process may end, or be another user's, at any moment of the look.
function orNothing<T, N>(asked: Promise<T>, nothing: N): Promise<T | N> {
  return asked.catch(() => nothing);
}
