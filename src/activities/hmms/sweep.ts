import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { removePath } from '../../files/publish.js';
import type { ActivityDeps } from '../deps.js';
import { LEGACY, linkProfiles } from './profiles.js';

/** What a sweep did. */
export type HmmSweep = { removed: number; hidden: number; folders: number };

/**
 * Removes what former and failed installations left: HMMs that no result names (the others are hidden) and their folders.
 * Does nothing while a search with HMMs runs or waits, as it may use them. Safe to run twice, and beside an installation; ends early
 * by the signal.
 */
export async function sweepHmms(deps: ActivityDeps, signal?: AbortSignal): Promise<HmmSweep> {
  const { store, data } = deps;
  const nothing = { removed: 0, hidden: 0, folders: 0 };
  // First what is there, then what is in use: what begins meanwhile is in neither list, and stays.
  const present = await store.hmms.installations();
  const folders = await namesIn(data.hmmInstallations);
  const works = await namesIn(data.hmmIncoming);
  const status = await store.hmmStatus.get();
  const current = status.installation ?? null;
  const installing = (await store.hmmStatus.isInstalling(status)) ? status.process?.id : undefined;
  if (await store.hmms.isSearching()) return nothing;

  if (current) await linkProfiles(deps, current);
  else if (current !== null) await removePath(data.hmmProfiles);
  const isUsed = (name: string) =>
    name === current || name === installing || (current === null && name.startsWith(LEGACY));
  const oldFolders = folders.filter((name) => !isUsed(name));
  for (const name of oldFolders) {
    signal?.throwIfAborted();
    await removePath(data.hmmInstallation(name));
  }
  for (const name of works.filter((one) => one !== installing)) await removePath(join(data.hmmIncoming, name));
  const stale = present.filter((one) => one !== current && one !== installing);
  const retired = stale.length > 0 ? await store.hmms.retire(stale, await namedInResults(deps, signal)) : nothing;
  const result = { removed: retired.removed, hidden: retired.hidden, folders: oldFolders.length };
  if (Object.values(result).some((count) => count > 0)) deps.log.info(result, 'former HMM data removed');
  return result;
}

/** Ids of the HMMs that results name, wherever these are stored. */
async function namedInResults({ store, data }: ActivityDeps, signal?: AbortSignal): Promise<Set<string>> {
  const named = new Set(await store.hmms.namedInResults());
  for (const { id, sampleId } of await store.hmms.resultsInFiles()) {
    signal?.throwIfAborted();
    const text = await readText(join(data.analysis(sampleId, id), 'results.json'));
    // Only ids are wanted, and a list of this size would take long to parse.
    for (const [, hit] of text.matchAll(/"hit"\s*:\s*"([^"\\]{1,64})"/g)) if (hit !== undefined) named.add(hit);
  }
  return named;
}

async function namesIn(folder: string): Promise<string[]> {
  return readdir(folder).catch(ifAbsent<string[]>([]));
}

async function readText(path: string): Promise<string> {
  return readFile(path, 'utf8').catch(ifAbsent(''));
}

function ifAbsent<T>(value: T) {
  return (error: NodeJS.ErrnoException): T => {
    if (error.code === 'ENOENT') return value;
    throw error;
  };
}
