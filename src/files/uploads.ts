import { createWriteStream } from 'node:fs';
import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type DataDirectory, isSafeName, joinName } from './data_directory.js';
import { syncPath } from './publish.js';

/** A pause of an upload after which nobody sends it any more. */
export const UPLOAD_IDLE_LIMIT_MS = 120_000;

/** Age of a document before its upload counts as abandoned. */
const GRACE_MS = 60 * 60_000;

/** What may wait for the disk: what came in during a write goes out with the next one, in one call. */
const WRITE_AHEAD_BYTES = 4 * 1024 ** 2;

const ID_PREFIX_LENGTH = 9;
const MAXIMUM_NAME_BYTES = 255;
const UNPRINTABLE = /[\p{Cc}\p{Cs}]/u;

/** Whether a file name may be part of an upload's id and so of its name on disk. */
export function isUploadName(name: string): boolean {
  return (
    isSafeName(name) && !UNPRINTABLE.test(name) && Buffer.byteLength(name) + ID_PREFIX_LENGTH <= MAXIMUM_NAME_BYTES
  );
}

/**
 * Writes an upload's bytes to disk, gives the file its final name when all of them are there, and tells how many.
 *
 * @throws what the source or the disk throws; then nothing is left of the upload.
 */
export async function storeUpload(data: DataDirectory, fileId: string, source: Readable): Promise<number> {
  const partial = incomingPath(data, fileId);
  try {
    await createIncoming(data);
    const target = createWriteStream(partial, { flags: 'wx', flush: true, highWaterMark: WRITE_AHEAD_BYTES });
    await pipeline(source, target);
    await rename(partial, data.file(fileId));
    await syncPath(data.files);
    return target.bytesWritten;
  } catch (error) {
    await removeUpload(data, fileId);
    throw error;
  }
}

/** Removes whatever there is of an upload; absent is success. */
export async function removeUpload(data: DataDirectory, fileId: string): Promise<void> {
  await rm(incomingPath(data, fileId), { force: true });
  await rm(data.file(fileId), { force: true });
}

/**
 * Removes the parts of uploads that were not touched for `idleMs`; gives their ids. With 0 right after a start, when no other
 * process can be receiving files in this data directory.
 */
export async function cleanIncoming(data: DataDirectory, idleMs = 2 * UPLOAD_IDLE_LIMIT_MS): Promise<string[]> {
  const stale = await namesOlderThan(incomingFolder(data), Date.now() - idleMs);
  for (const name of stale) await rm(join(incomingFolder(data), name), { force: true });
  return stale;
}

/** What the sweep has to know and change about file documents; `store.files` has it. */
export type FileDocuments = {
  expired(now: Date): Promise<string[]>;
  unfinished(before: Date): Promise<string[]>;
  remove(ids: readonly string[]): Promise<void>;
};

/**
 * Removes files whose time is over and the documents of uploads that nobody sends any more; gives their ids. What has no
 * document is not ours and stays, so a wrong data path costs nothing.
 */
export async function expireFiles(
  data: DataDirectory,
  documents: FileDocuments,
  now = new Date(),
): Promise<{ expired: string[]; unfinished: string[] }> {
  await cleanIncoming(data);
  const expired = await documents.expired(now);
  const before = now.getTime() - GRACE_MS;
  const unfinished: string[] = [];
  for (const id of await documents.unfinished(new Date(before))) {
    if (isSafeName(id) && (await isBeingStored(data, id, before))) continue;
    unfinished.push(id);
  }
  const gone = [...expired, ...unfinished];
  if (gone.length > 0) await documents.remove(gone);
  for (const id of gone) if (isSafeName(id)) await removeUpload(data, id);
  return { expired, unfinished };
}

async function isBeingStored(data: DataDirectory, fileId: string, before: number): Promise<boolean> {
  if ((await changedAt(incomingPath(data, fileId))) !== undefined) return true;
  // Published on disk a moment ago; its document follows.
  return ((await changedAt(data.file(fileId))) ?? 0) > before;
}

/** Names of the regular files in a folder that were last changed before a time; none when there is no folder. */
async function namesOlderThan(folder: string, before: number): Promise<string[]> {
  const names: string[] = [];
  for (const entry of await entriesOf(folder)) {
    if (!entry.isFile()) continue;
    const changed = await changedAt(join(folder, entry.name));
    if (changed !== undefined && changed < before) names.push(entry.name);
  }
  return names;
}

async function entriesOf(folder: string) {
  try {
    return await readdir(folder, { withFileTypes: true });
  } catch (error) {
    if (isAbsent(error)) return [];
    throw error;
  }
}

async function changedAt(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).mtimeMs;
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
}

function isAbsent(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ENOENT';
}

function incomingFolder(data: DataDirectory): string {
  return join(data.files, '.incoming');
}

/** Creates the folder for files whose bytes are still coming in. */
export async function createIncoming(data: DataDirectory): Promise<void> {
  await mkdir(incomingFolder(data), { recursive: true });
}

/** Where the bytes of a file are until all of them are there; see {@link createIncoming}. */
export function incomingPath(data: DataDirectory, fileId: string): string {
  return joinName(incomingFolder(data), fileId);
}
