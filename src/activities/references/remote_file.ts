import { join } from 'node:path';
import type { ProcessError } from '../../contracts/processes.js';
import { checksumFile } from '../../files/checksums.js';
import { removePath } from '../../files/publish.js';
import type { ActivityDeps } from '../deps.js';
import { type NoteOffset, openProcess, unusableInput } from '../process_support.js';
import { downloadRelease } from '../release_download.js';
import { type CheckedOtus, checkOtus, checkReleaseHeader, type ReferenceHeader } from './check.js';
import { readOtus, UnusableReference } from './file.js';
import { createReleaseQuestion, type RemoteDeps, refreshReference } from './refresh.js';

/** The downloaded file of a release, checked whole. */
export type ReleaseFile = ReferenceHeader & CheckedOtus & { path: string; sha256: string; otuIds: ReadonlySet<string> };

function pathOf({ data }: ActivityDeps, processId: string): string {
  return join(data.download(processId), 'reference.json.gz');
}

/** Downloads the file for a process; false when the process has ended. */
export async function downloadFor(
  deps: RemoteDeps,
  processId: string,
  shown: { step: string; part: number; failure: ProcessError },
  signal: AbortSignal,
  note: NoteOffset,
): Promise<boolean> {
  const process = await openProcess(deps, processId);
  const release = process?.context.release;
  if (!release) return false;
  await downloadRelease(deps, { ...shown, processId, release, path: pathOf(deps, processId), note }, signal);
  return true;
}

/** Removes what was downloaded for a process that has ended. */
export async function removeDownload({ data }: ActivityDeps, processId: string): Promise<void> {
  await removePath(data.download(processId));
}

/**
 * Reads the downloaded file through, with all checks, and keeps none of its OTUs.
 *
 * @throws ApplicationFailure with every reason why it cannot be installed.
 */
export async function checkReleaseFile(
  deps: ActivityDeps,
  processId: string,
  signal: AbortSignal,
): Promise<ReleaseFile> {
  const path = pathOf(deps, processId);
  const noted: Noted = { otuIds: new Set(), rest: undefined };
  const found = await refused(async () => {
    const checked = await checkOtus(noting(readOtus(path, signal), noted), 'required');
    return { ...checked, ...checkReleaseHeader(noted.rest) };
  });
  const sha256 = (await checksumFile(path, signal))?.sha256 ?? '';
  return { ...found, path, sha256, otuIds: noted.otuIds };
}

/** Lets what is wrong with a file end its process. */
export async function refused<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw error instanceof UnusableReference ? unusableInput(error.errors) : error;
  }
}

/** Looks for the latest release of a reference. Trouble is noted in the reference, and the schedule will ask again. */
export async function askAgain(deps: RemoteDeps, referenceId: string, signal: AbortSignal): Promise<void> {
  const reference = (await deps.store.remoteReferences.followed()).find(({ _id }) => _id === referenceId);
  if (reference) await refreshReference(deps, reference, createReleaseQuestion(deps, signal));
}

type Noted = { otuIds: Set<string>; rest: unknown };

/** The same OTUs; notes their ids, and at the end the rest of the file. */
async function* noting(otus: AsyncGenerator<unknown, unknown>, noted: Noted): AsyncGenerator<unknown> {
  const watched = async function* () {
    noted.rest = yield* otus;
  };
  for await (const otu of watched()) {
    const id = (otu as { _id?: unknown } | null)?._id;
    if (typeof id === 'string') noted.otuIds.add(id);
    yield otu;
  }
}
