import { AsyncLocalStorage } from 'node:async_hooks';
import { randomBytes } from 'node:crypto';
import { constants, createReadStream, createWriteStream } from 'node:fs';
import { mkdir, open, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';

const COPY_CHUNK_BYTES = 1 << 20;
const PARTIAL = '.partial';

const publishers = new AsyncLocalStorage<AbortSignal>();

/** Does work that publishes nothing any more once the signal is aborted: then another host may be doing it. */
export function publishUntil<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  return publishers.run(signal, work);
}

/** A partial name beside `path` that nobody else has. */
export function partialName(path: string): string {
  return `${path}.${randomBytes(4).toString('hex')}${PARTIAL}`;
}

/** Makes sure that the bytes of a file or the entries of a folder are on the disk. */
export async function syncPath(path: string): Promise<void> {
  const handle = await open(path, constants.O_RDONLY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/**
 * Gives a finished file its final name; afterwards it is there whole, also after a crash. Replaces a former one.
 *
 * @throws the reason of an aborted `publishUntil`.
 */
export async function publishFile(from: string, to: string): Promise<void> {
  await syncPath(from);
  await mkdir(dirname(to), { recursive: true });
  publishers.getStore()?.throwIfAborted();
  await rename(from, to);
  await syncPath(dirname(to));
}

/** Files that are written under partial names and appear together. */
export type PartialFiles<Name extends string> = {
  /** Where to write them. */
  partial: Record<Name, string>;
  /** Gives all of them their final names, one after the other. */
  publish(): Promise<void>;
};

/** Partial names for files of which the final ones are given; `attempt` keeps two tries apart. */
export function openPartials<Name extends string>(
  finals: readonly (readonly [name: Name, path: string])[],
  attempt: string,
): PartialFiles<Name> {
  const partialOf = (path: string) => `${path}.${attempt}${PARTIAL}`;
  return {
    partial: Object.fromEntries(finals.map(([name, path]) => [name, partialOf(path)])) as Record<Name, string>,
    async publish() {
      for (const [, path] of finals) await publishFile(partialOf(path), path);
    },
  };
}

/** Gives all files of a finished folder their final names in `to`, in the order of their names. */
export async function publishFiles(from: string, to: string): Promise<void> {
  for (const name of (await readdir(from)).sort()) await publishFile(join(from, name), join(to, name));
}

/**
 * Gives a finished folder of files its final name; afterwards it is there whole, also after a crash. One that is there
 * already stays, as another try has published it.
 */
export async function publishFolder(from: string, to: string): Promise<void> {
  for (const name of await readdir(from)) await syncPath(join(from, name));
  await syncPath(from);
  await mkdir(dirname(to), { recursive: true });
  publishers.getStore()?.throwIfAborted();
  try {
    await rename(from, to);
  } catch (error) {
    if (!['ENOTEMPTY', 'EEXIST'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
  }
  await syncPath(dirname(to));
}

/** Copies a file and tells how far it is, 0 to 1. The copy is not published: give it a partial name. */
export async function copyWithProgress(
  from: string,
  to: string,
  options: { signal: AbortSignal; onFraction: (fraction: number) => void },
): Promise<void> {
  const { size } = await stat(from);
  let done = 0;
  await pipeline(
    createReadStream(from, { highWaterMark: COPY_CHUNK_BYTES }),
    async function* count(chunks: AsyncIterable<Buffer>) {
      for await (const chunk of chunks) {
        done += chunk.length;
        options.onFraction(done / size);
        yield chunk;
      }
    },
    createWriteStream(to),
    { signal: options.signal },
  );
}

/** Writes a value as a JSON file that appears whole or not at all. */
export async function publishJson(path: string, value: unknown): Promise<void> {
  const partial = partialName(path);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(partial, JSON.stringify(value));
  await publishFile(partial, path);
}

/** Removes what attempts that were cut off left in a folder: everything under a partial name. */
export async function removePartials(folder: string): Promise<void> {
  for (const name of await readdir(folder)) if (name.endsWith(PARTIAL)) await removePath(join(folder, name));
}

/** Removes a file or folder; absent is success. */
export async function removePath(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true, maxRetries: 3 });
}
