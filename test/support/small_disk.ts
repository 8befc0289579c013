import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const FILL_TRIES = 50;

/** Why a test is skipped that needs a small disk. */
export const NO_MOUNT = 'mounting a tmpfs is not permitted here';

/** A disk of its own for a folder. */
export type SmallDisk = Disposable & {
  /** Leaves no room for another byte, until something is removed. */
  fill(): void;
};

/** Puts an empty disk of this size over a folder until disposed; undefined where mounting is not permitted. */
export function smallDisk(folder: string, size: string, ...options: string[]): SmallDisk | undefined {
  mkdirSync(folder, { recursive: true });
  const call = (program: string, ...args: string[]) =>
    void execFileSync(program, [...args, folder], { stdio: 'ignore' });
  try {
    call('mount', '-t', 'tmpfs', '-o', [`size=${size}`, ...options].join(), 'tmpfs');
  } catch {
    return undefined;
  }
  return {
    fill() {
      // A size of nothing would be no limit.
      if (!existsSync(join(folder, '.filling'))) writeFileSync(join(folder, '.filling'), 'x');
      for (let tries = 1; ; tries += 1) {
        const { blocks, bfree, bsize } = statfsSync(folder);
        try {
          return call('mount', '-o', `remount,size=${(blocks - bfree) * bsize}`);
        } catch (error) {
          // Somebody has written meanwhile.
          if (tries === FILL_TRIES) throw error;
        }
      }
    },
    // Lazily, as a process that is about to end may still look into it.
    [Symbol.dispose]: () => call('umount', '--lazy'),
  };
}
