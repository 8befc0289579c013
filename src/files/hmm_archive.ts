import { createReadStream, createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { DamagedTar, readTar, type TarEntry } from './tar.js';

/** An archive of HMM data that cannot be used; the message tells why. */
export class UnusableArchive extends Error {
  override name = 'UnusableArchive';
}

const FOLDER = 'hmm';
const MAXIMUM_ENTRIES = 10_000;
const MAXIMUM_BYTES = 16 * 1024 ** 3;

/**
 * Unpacks the files of these names out of the archive's folder `hmm` into a folder. Only these are written, under these
 * names, whatever the archive says; one with an entry that would lie anywhere else, or is no plain file or folder, is
 * refused whole.
 *
 * @throws UnusableArchive, and the signal's reason when it is aborted. Then files may be there in part.
 */
export async function unpackHmmArchive(
  archive: string,
  folder: string,
  names: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  const missing = new Set(names);
  const unpack = async (chunks: AsyncIterable<Buffer>): Promise<void> => {
    let entries = 0;
    for await (const entry of readTar(limited(chunks))) {
      entries += 1;
      if (entries > MAXIMUM_ENTRIES) throw new UnusableArchive('The archive holds too many files');
      const name = nameInFolder(entry);
      if (name === undefined || !names.includes(name) || entry.type !== 'file') continue;
      if (!missing.delete(name)) throw new UnusableArchive(`The archive holds ${FOLDER}/${name} twice`);
      await pipeline(entry.body, createWriteStream(join(folder, name)), { signal });
    }
  };
  try {
    await pipeline(createReadStream(archive), createGunzip(), unpack, { signal });
  } catch (error) {
    signal.throwIfAborted();
    throw explain(error);
  }
  const [first] = missing;
  if (first !== undefined) throw new UnusableArchive(`The archive lacks ${FOLDER}/${first}`);
}

/** Name of an entry within the folder; undefined for the folder itself. */
function nameInFolder({ name, type }: TarEntry): string | undefined {
  const shown = JSON.stringify(name.slice(0, 100));
  if (type === 'other') throw new UnusableArchive(`The archive holds something else than files and folders: ${shown}`);
  const parts = name.split('/').filter((part, index) => part !== '' || index === 0);
  if (parts.includes('..') || parts[0] === '' || name.includes('\0')) {
    throw new UnusableArchive(`The archive holds a file that would lie outside: ${shown}`);
  }
  const [folder, ...rest] = parts.filter((part) => part !== '.');
  if (folder === undefined) return undefined;
  if (folder !== FOLDER || (rest.length === 0 && type === 'file')) {
    throw new UnusableArchive(`The archive holds more than the folder ${FOLDER}: ${shown}`);
  }
  return rest.length === 0 ? undefined : rest.join('/');
}

async function* limited(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let bytes = 0;
  for await (const chunk of chunks) {
    bytes += chunk.length;
    if (bytes > MAXIMUM_BYTES) throw new UnusableArchive('The archive unpacks to more than 16 GiB');
    yield chunk;
  }
}

function explain(error: unknown): unknown {
  if (error instanceof DamagedTar) return new UnusableArchive(error.message, { cause: error });
  const code = error instanceof Error ? String((error as NodeJS.ErrnoException).code) : '';
  return code.startsWith('Z_')
    ? new UnusableArchive('The archive is damaged, cut or not compressed', { cause: error })
    : error;
}
