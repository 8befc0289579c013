import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { waitForLock } from '../machine/lock.js';

const LOCK_LIMIT_MS = 20 * 60_000;

/** Something that is installed once into the cache folder that all data folders of a checkout share. */
export type Installation = {
  cachePath: string;
  /** Folder name below the cache; carries the version. */
  name: string;
  /** What a person reads while it is installed. */
  title: string;
  logger: Logger;
  /** Fills an empty folder. What it throws ends the installation and leaves nothing. */
  make(folder: string): Promise<void>;
};

/**
 * The folder of an installation, made when it is missing. It appears by rename when it is whole, so an
 * interrupted one is simply made again; of two at once the second waits and finds the first one's.
 */
export async function installOnce(installation: Installation): Promise<string> {
  const { cachePath, name, title, logger } = installation;
  const folder = join(cachePath, name);
  if (existsSync(folder)) return folder;
  const lock = await waitForLock(`${folder}.lock`, LOCK_LIMIT_MS, ({ pid }) =>
    logger.info(`Waiting for process ${pid}, which installs ${title}`),
  );
  try {
    if (existsSync(folder)) return folder;
    removeDrafts(cachePath, name);
    const draft = `${folder}.draft-${process.pid}`;
    const begin = Date.now();
    logger.info(`Installing ${title}`);
    mkdirSync(draft);
    try {
      await installation.make(draft);
      renameSync(draft, folder);
    } finally {
      rmSync(draft, { recursive: true, force: true });
    }
    logger.info(`Installed ${title} in ${((Date.now() - begin) / 1000).toFixed(1)} s`);
    return folder;
  } finally {
    lock.release();
  }
}

function removeDrafts(cachePath: string, name: string): void {
  for (const entry of readdirSync(cachePath)) {
    if (entry.startsWith(`${name}.draft-`)) rmSync(join(cachePath, entry), { recursive: true, force: true });
  }
}
