import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { BuildIndexArgs } from '../../contracts/build_index.js';
import type { CreateSampleArgs } from '../../contracts/create_sample.js';
import type { CreateSubtractionArgs } from '../../contracts/create_subtraction.js';
import type { StepInput } from '../../contracts/jobs.js';
import type { PathoscopeArgs } from '../../contracts/pathoscope.js';
import type { UpdateSampleArgs } from '../../contracts/update_sample.js';
import { fileSize } from '../../files/folders.js';
import { NUVS_FILES, readJson } from '../analysis_files/nuvs.js';
import type { ActivityDeps } from '../deps.js';
import { StepTooLong } from '../errors.js';
import { pausingOutside } from './admission.js';

const HOUR_MS = 3_600_000;
const BASE_HOURS = 2;
const HOURS_PER_GB = 8;
/** Below the limit that Temporal keeps for every step, so that a job ends with the clearer failure. */
const MOST_HOURS = 47;

/** How long a step may take for so many bytes of input: far more than any tool takes on one core. */
export function stepLimitMs(bytes: number): number {
  return HOUR_MS * Math.min(MOST_HOURS, BASE_HOURS + (HOURS_PER_GB * bytes) / 1e9);
}

/**
 * Bytes that decide how long a step takes: the uploads, the reads, the profiles, and what the steps before have left. Indexes do not count, as
 * a tool only loads them.
 */
export async function inputBytes({ data }: ActivityDeps, { task, args }: StepInput): Promise<number> {
  switch (task) {
    case 'create_sample':
      return sizeOfFiles((args as CreateSampleArgs).files.map(({ id }) => data.file(id)));
    case 'update_sample': {
      const { sample_id, files = [] } = args as UpdateSampleArgs;
      return (await sizeOfFiles(files.map(({ id }) => data.file(id)))) + (await sizeOfFolder(data.sample(sample_id)));
    }
    case 'create_subtraction': {
      const { file_id, subtraction_id } = args as CreateSubtractionArgs;
      return (await sizeOfFiles([data.file(file_id)])) + (await sizeOfFolder(data.subtraction(subtraction_id)));
    }
    case 'build_index': {
      const { ref_id, index_id } = args as BuildIndexArgs;
      return sizeOfFolder(data.index(ref_id, index_id));
    }
    default: {
      const { sample_id, analysis_id } = args as PathoscopeArgs;
      const folder = data.analysis(sample_id, analysis_id);
      const chosen = await readJson<{ folder: string }>(join(folder, NUVS_FILES.profiles)).catch(() => undefined);
      const folders = [data.sample(sample_id), folder, ...(chosen ? [data.hmmInstallation(chosen.folder)] : [])];
      return sum(await Promise.all(folders.map(sizeOfFolder)));
    }
  }
}

/**
 * Does work with a signal that is aborted with `StepTooLong` after the limit for so many bytes. The time that the step waits for other jobs does
 * not count.
 */
export async function runWithin<T>(
  bytes: number,
  limitMs: number,
  work: (tooLong: AbortSignal) => Promise<T>,
): Promise<T> {
  const over = new AbortController();
  let left = limitMs;
  let since = performance.now();
  const start = () => {
    since = performance.now();
    return setTimeout(() => over.abort(new StepTooLong(limitMs, bytes)), left);
  };
  let timer = start();
  const pause = () => {
    clearTimeout(timer);
    left -= performance.now() - since;
    return () => {
      timer = start();
    };
  };
  try {
    return await pausingOutside(pause, () => work(over.signal));
  } catch (error) {
    throw over.signal.aborted ? over.signal.reason : error;
  } finally {
    clearTimeout(timer);
  }
}

/** Of the files in a folder, not of its folders. */
async function sizeOfFolder(folder: string): Promise<number> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  return sizeOfFiles(entries.filter((entry) => entry.isFile()).map(({ name }) => join(folder, name)));
}

async function sizeOfFiles(paths: readonly string[]): Promise<number> {
  return sum(await Promise.all(paths.map(async (path) => (await fileSize(path)) ?? 0)));
}

function sum(sizes: readonly number[]): number {
  return sizes.reduce((total, size) => total + size, 0);
}
