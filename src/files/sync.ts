import { readdir, rm, stat } from 'node:fs/promises';
import { type DataDirectory, isSafeName } from './data_directory.js';

/** Age of a file on disk before it can be one that nobody knows any more. */
const GRACE_MS = 60 * 60_000;

/** The form of a file's id, and so of its name on disk. */
const FILE_ID = /^[0-9a-z]{8}-./;

/** What the sync has to know and change about file documents; `store.files` has it. */
export type SyncedDocuments = {
  /** Ids of the files that were seen on disk. */
  onDisk(): Promise<string[]>;
  removeLost(ids: readonly string[]): Promise<void>;
  /** Those of the ids that no document has. */
  unknown(ids: readonly string[]): Promise<string[]>;
};

/** What a sync removed: documents without a file, files without a document. */
export type SyncResult = {
  lost: string[];
  unknown: string[];
  /** Documents were kept, as nothing at all is in the folder. */
  isEmpty: boolean;
};

/**
 * Brings documents and the files folder in step: documents go whose file was on disk and is not any more; files go that
 * have the form of an id, are an hour old and have no document. Everything else in the folder stays.
 */
export async function syncFiles(
  data: DataDirectory,
  documents: SyncedDocuments,
  now = new Date(),
): Promise<SyncResult> {
  const ids = (await documents.onDisk()).sort();
  const entries = await readdir(data.files, { withFileTypes: true });
  // Rather a volume that is not mounted than a laboratory that lost everything.
  const isEmpty = entries.length === 0 && ids.length > 0;
  const lost = isEmpty ? [] : await absentFrom(data, ids, new Set(entries.map(({ name }) => name)));
  if (lost.length > 0) await documents.removeLost(lost);

  // A document always comes before its file, so a file that was seen before its document was looked for has none.
  const regular = entries
    .filter((entry) => entry.isFile() && FILE_ID.test(entry.name))
    .map(({ name }) => name)
    .sort();
  const unknown: string[] = [];
  for (const id of regular.length > 0 ? await documents.unknown(regular) : []) {
    const changedAt = await timeOfChange(data.file(id));
    if (changedAt === undefined || changedAt > now.getTime() - GRACE_MS) continue;
    await rm(data.file(id), { force: true });
    unknown.push(id);
  }
  return { lost, unknown, isEmpty };
}

async function absentFrom(data: DataDirectory, ids: readonly string[], names: ReadonlySet<string>): Promise<string[]> {
  const absent: string[] = [];
  for (const id of ids) {
    if (!isSafeName(id)) continue;
    if (!names.has(id) && (await timeOfChange(data.file(id))) === undefined) absent.push(id);
  }
  return absent;
}

async function timeOfChange(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).mtimeMs;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
