import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** What a computation that runs tools works with. */
export type Work = {
  /** A new empty folder, gone when all is computed. */
  folder(): Promise<string>;
  threads: number;
  signal: AbortSignal;
};

/** Makes temporary folders, and removes them all on disposal. */
export async function openWork(options: { threads: number; signal: AbortSignal }): Promise<Work & AsyncDisposable> {
  const root = await mkdtemp(join(tmpdir(), 'virtool-golden-'));
  return {
    ...options,
    folder: () => mkdtemp(join(root, 'work-')),
    [Symbol.asyncDispose]: () => rm(root, { recursive: true, force: true }),
  };
}
