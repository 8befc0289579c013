import { createHash, randomUUID } from 'node:crypto';
import { readFile, rename, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { readBlocks } from './blocks.js';
import { removePath } from './publish.js';

/** Where a folder of finished files keeps their checksums. */
const LIST = 'checksums.json';

/** Checksums by file name; one counts as long as size and time of the file are those noted. */
type List = Record<string, { size: number; mtimeMs: number; sha256: string }>;

/** A file's content: SHA-256 in hexadecimal, and size. */
export type Checksum = { sha256: string; size: number };

/** The checksum of a file, undefined when there is none. */
export async function checksumFile(path: string, signal?: AbortSignal): Promise<Checksum | undefined> {
  const hash = createHash('sha256');
  let size = 0;
  try {
    for await (const block of readBlocks(path, signal)) {
      hash.update(block);
      size += block.length;
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  return { sha256: hash.digest('hex'), size };
}

/**
 * The same for a file that is finished and lies in a folder of finished files: it is read once, and its checksum noted beside it.
 */
export async function checksumProduct(path: string, signal?: AbortSignal): Promise<Checksum | undefined> {
  const [folder, name] = [dirname(path), basename(path)];
  const info = await stat(path).catch(ifAbsent);
  if (!info) return undefined;
  const known = (await readList(folder))[name];
  if (known && known.size === info.size && known.mtimeMs === info.mtimeMs) {
    return { sha256: known.sha256, size: info.size };
  }
  const found = await checksumFile(path, signal);
  // A file that has grown meanwhile is not finished: its checksum is true, but not to be kept.
  if (found?.size === info.size) await note(folder, name, { ...found, mtimeMs: info.mtimeMs });
  return found;
}

/** Notes the checksum of a finished file, which who wrote it knows. */
export async function noteChecksum(path: string, checksum: Checksum): Promise<void> {
  const info = await stat(path);
  if (info.size !== checksum.size) throw new Error(`${path} has ${info.size} bytes, not ${checksum.size}`);
  await note(dirname(path), basename(path), { ...checksum, mtimeMs: info.mtimeMs });
}

async function readList(folder: string): Promise<List> {
  try {
    return JSON.parse(await readFile(join(folder, LIST), 'utf8')) as List;
  } catch (error) {
    // A damaged list is only a lost note.
    if (error instanceof SyntaxError || (error as NodeJS.ErrnoException).code === 'ENOENT') return {};
    throw error;
  }
}

// Of two writers at once the later one counts; what the other one noted is found out again.
async function note(folder: string, name: string, entry: List[string]): Promise<void> {
  const partial = join(folder, `${LIST}.${randomUUID()}.partial`);
  try {
    await writeFile(partial, JSON.stringify({ ...(await readList(folder)), [name]: entry }));
    await rename(partial, join(folder, LIST));
  } finally {
    await removePath(partial);
  }
}

function ifAbsent(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
  return undefined;
}
