import { mkdir, open, stat } from 'node:fs/promises';
import { removePath } from './publish.js';

/** An empty folder at this path; what was there is removed. */
export async function freshFolder(path: string): Promise<string> {
  await removePath(path);
  await mkdir(path, { recursive: true });
  return path;
}

/** Size of a file in bytes, undefined when there is none. */
export async function fileSize(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Whether a file begins like a gzip stream. */
export async function isGzipped(path: string): Promise<boolean> {
  const handle = await open(path);
  try {
    const { bytesRead, buffer } = await handle.read(Buffer.alloc(2), 0, 2, 0);
    return bytesRead === 2 && buffer[0] === 0x1f && buffer[1] === 0x8b;
  } finally {
    await handle.close();
  }
}
