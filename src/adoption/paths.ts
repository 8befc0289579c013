import { mkdir, opendir, rename } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import type { DataDirectory } from '../files/data_directory.js';
import { fileSize } from '../files/folders.js';
import { syncPath } from '../files/publish.js';
import type { Site } from './rule.js';

/** Folder of the data directory for what was moved out of the way. */
export const SET_ASIDE = 'adopted';

/** Where an adoption that begins at this time puts what it moves out of the way. */
export function setAsideFolder(data: DataDirectory, begin: Date): string {
  return join(data.root, SET_ASIDE, begin.toISOString().slice(0, 10));
}

/**
 * Makes what moves files and folders of the data directory below `folder`, under the same path as before. What is not there is
 * passed over, nothing is ever overwritten.
 *
 * @throws Error with a sentence for the operator when the file lies on another disk.
 */
export function createSetAside(data: DataDirectory, folder: string): (path: string) => Promise<void> {
  return async (path) => {
    if ((await fileSize(path)) === undefined) return;
    const to = await freeName(join(folder, relative(data.root, path)));
    await mkdir(dirname(to), { recursive: true });
    try {
      await rename(path, to);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EXDEV') throw error;
      const text = `${path} cannot be moved to ${to}, which is on another disk. Move it away by hand, then start again.`;
      throw new Error(text, { cause: error });
    }
    // A document goes only after its files are surely elsewhere.
    await syncPath(dirname(to));
    await syncPath(dirname(path));
  };
}

async function freeName(path: string): Promise<string> {
  for (let number = 0; ; number += 1) {
    const name = number === 0 ? path : `${path}.${number}`;
    if ((await fileSize(name)) === undefined) return name;
  }
}

/** Names in a folder; none when it is not there. */
export async function* namesIn(folder: string): AsyncGenerator<string> {
  try {
    for await (const { name } of await opendir(folder)) yield name;
  } catch (error) {
    if (!['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
  }
}

/** Whether nothing is in a folder, or no such folder is there. */
export async function isEmpty(folder: string): Promise<boolean> {
  for await (const _ of namesIn(folder)) return false;
  return true;
}

/** Whether a file or folder is there. */
export async function isThere(path: string): Promise<boolean> {
  return (await fileSize(path)) !== undefined;
}

/** Whether the files that bowtie2 needs of an index are there. `prefix` is that of the aligner. */
export async function isIndexThere(prefix: string): Promise<boolean> {
  for (const ending of ['bt2', 'bt2l']) {
    const parts = ['1', '2', '3', '4', 'rev.1', 'rev.2'].map((part) => isThere(`${prefix}.${part}.${ending}`));
    if ((await Promise.all(parts)).every(Boolean)) return true;
  }
  return false;
}

/** The path that a function of the data directory makes of ids; undefined when an id is no name for a file. */
export function pathOf(make: () => string): string | undefined {
  try {
    return make();
  } catch {
    return undefined;
  }
}

/** The folder of a sample and those of its caches. */
export async function foldersOfSample(
  { store, data }: Pick<Site, 'store' | 'data'>,
  sampleId: string,
): Promise<string[]> {
  const caches = await store.caches.ofSample(sampleId);
  const paths = [sampleId, ...caches.map(({ _id }) => _id)].map((id, index) =>
    pathOf(() => (index === 0 ? data.sample(id) : data.cache(id))),
  );
  return paths.filter((path) => path !== undefined);
}
