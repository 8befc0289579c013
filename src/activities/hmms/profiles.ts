import { copyFile, readlink, rename, stat, symlink } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { fileSize, freshFolder } from '../../files/folders.js';
import { partialName, publishFolder, removePath } from '../../files/publish.js';
import { pressProfiles } from '../../tools/hmmpress.js';
import { type RunOptions, runTool } from '../../tools/runner.js';
import type { ActivityDeps } from '../deps.js';

/** Names in the folder of an installation; hmmpress adds its four files to the name of the profiles. */
export const PROFILES = 'profiles.hmm';
export const ANNOTATIONS = 'annotations.json';

/** The profiles to search with. */
export type HmmProfiles = {
  /** What to give to `store.hmms.clusterIds`; null for what an old release installed. */
  installation: string | null;
  /** The folder of the installation. What is in it is never changed, and it stays while a search runs or waits. */
  folder: string;
  /** The profiles in text form; the pressed files are beside it. */
  path: string;
};

/** Begins the names of installations that were made of what an old release left. */
export const LEGACY = 'legacy-';

type RunWith = Pick<RunOptions, 'signal' | 'log'>;

/**
 * The pressed profiles of the current installation; undefined when none is installed. What an old release installed is
 * pressed at its first use.
 */
export async function openHmmProfiles(deps: ActivityDeps, run: RunWith): Promise<HmmProfiles | undefined> {
  const installation = await deps.store.hmmStatus.installation();
  if (installation === null) return openLegacyProfiles(deps, run);
  if (installation === '') return undefined;
  const folder = deps.data.hmmInstallation(installation);
  return (await isPressed(folder)) ? { installation, folder, path: join(folder, PROFILES) } : undefined;
}

/** Presses the profiles in a folder that nobody uses yet. */
export async function pressFolder(folder: string, run: RunWith): Promise<void> {
  // The folder's own name stays out of the command, so that no path can be misread.
  await runTool(pressProfiles(PROFILES), { ...run, cwd: folder });
}

/** Gives the profiles of an installation the name that release 3.7.3 reads. */
export async function linkProfiles({ data }: Pick<ActivityDeps, 'data'>, installation: string): Promise<void> {
  const target = relative(data.hmm, join(data.hmmInstallation(installation), PROFILES));
  if ((await readlink(data.hmmProfiles).catch(() => undefined)) === target) return;
  const partial = partialName(join(data.hmm, installation));
  await symlink(target, partial);
  await rename(partial, data.hmmProfiles);
}

async function openLegacyProfiles({ data }: ActivityDeps, run: RunWith): Promise<HmmProfiles | undefined> {
  const source = data.hmmProfiles;
  if (!(await fileSize(source))) return undefined;
  const { size, mtimeMs } = await stat(source);
  const folder = data.hmmInstallation(`${LEGACY}${size}-${Math.round(mtimeMs)}`);
  if (!(await isPressed(folder))) {
    const partial = await freshFolder(join(data.hmmIncoming, `${LEGACY}${process.pid}-${Date.now()}`));
    try {
      await copyFile(source, join(partial, PROFILES));
      await pressFolder(partial, run);
      await publishFolder(partial, folder);
    } finally {
      await removePath(partial);
    }
  }
  return { installation: null, folder, path: join(folder, PROFILES) };
}

async function isPressed(folder: string): Promise<boolean> {
  const sizes = await Promise.all(
    ['', '.h3m', '.h3i', '.h3f', '.h3p'].map((end) => fileSize(join(folder, PROFILES + end))),
  );
  return sizes.every((size) => size !== undefined);
}
