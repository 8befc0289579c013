import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { ApplicationFailure, Context } from '@temporalio/activity';
import type { ProcessError } from '../contracts/processes.js';
import type { RemoteServices } from '../contracts/remote.js';
import { checksumFile } from '../files/checksums.js';
import { fileSize } from '../files/folders.js';
import { partialName, publishFile, removePath } from '../files/publish.js';
import type { ProcessContext } from '../store/processes.js';
import type { ActivityDeps } from './deps.js';
import type { NoteOffset } from './process_support.js';

/** The file of a release, and what its process shows meanwhile. */
export type WantedRelease = {
  processId: string;
  release: NonNullable<ProcessContext['release']>;
  /** Where the file appears when it is whole. */
  path: string;
  step: string;
  /** The share of the whole progress, from 0. */
  part: number;
  /** What the process tells when there is no file. */
  failure: ProcessError;
  note?: NoteOffset;
};

/** A service that is away for a moment gets more tries than one, but a user who waits wants to know soon. */
const TRIES = 4;

/**
 * Downloads the file of a release, which appears whole or not at all; one that is there already stays. It counts only with the size, and the
 * checksum where one is known, that the release names.
 *
 * @throws ApplicationFailure with the reason for the process: to be tried again, but for the last try and what can never get better.
 */
export async function downloadRelease(
  deps: ActivityDeps & { remote: RemoteServices },
  wanted: WantedRelease,
  signal: AbortSignal,
): Promise<void> {
  const { processId, release, path, failure } = wanted;
  if ((await fileSize(path)) === release.size) return;
  const { attempt } = Context.current().info;
  const partial = partialName(path);
  await mkdir(dirname(path), { recursive: true });
  const progress = createDownloadProgress(deps, wanted);
  const answer = await deps.remote.releases
    .download({
      url: release.download_url,
      path: partial,
      limitBytes: release.size,
      signal,
      onBytes: progress.report,
    })
    .finally(progress.settle);
  const trouble = answer.ok ? await differenceFrom(release, partial, answer.bytes, signal) : answer.trouble;
  if (trouble) {
    await removePath(partial);
    deps.log.warn({ processId, attempt, trouble }, 'file of a release not downloaded');
    const isHopeless = ['not_found', 'too_large'].includes(trouble.reason);
    throw downloadFailure(failure, isHopeless || attempt >= TRIES);
  }
  await publishFile(partial, path);
}

async function differenceFrom(
  release: WantedRelease['release'],
  path: string,
  bytes: number,
  signal: AbortSignal,
): Promise<{ reason: string } | undefined> {
  if (bytes !== release.size) return { reason: 'size' };
  if (release.sha256 === undefined) return undefined;
  return (await checksumFile(path, signal))?.sha256 === release.sha256 ? undefined : { reason: 'checksum' };
}

/** Writes the progress down in steps of one hundredth, one write after the other. */
function createDownloadProgress({ store }: ActivityDeps, { processId, release, step, part, note }: WantedRelease) {
  let shown = 0;
  let writing: Promise<unknown> = Promise.resolve();
  return {
    report(bytes: number): void {
      note?.(bytes);
      const progress = Math.round((bytes / release.size) * part * 100) / 100;
      if (progress <= shown) return;
      shown = progress;
      const write = () => store.processes.setStep(processId, { step, progress, count: bytes });
      // Only shown; the next write may do better.
      writing = writing.then(write).catch(() => undefined);
    },
    settle: async (): Promise<void> => {
      await writing;
    },
  };
}

function downloadFailure(failure: ProcessError, isFinal: boolean): ApplicationFailure {
  return ApplicationFailure.create({
    type: isFinal ? 'InvalidInput' : 'DownloadFailed',
    message: failure.message,
    nonRetryable: isFinal,
    details: [[failure]],
  });
}
