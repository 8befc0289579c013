import { join } from 'node:path';
import type { ApplicationFailure } from '@temporalio/activity';
import type { InstallHmmsActivities, InstallHmmsTools, ProcessError, ProcessInput } from '../../contracts/processes.js';
import type { RemoteServices } from '../../contracts/remote.js';
import { fileSize, freshFolder } from '../../files/folders.js';
import { UnusableArchive, unpackHmmArchive } from '../../files/hmm_archive.js';
import { partialName, publishFolder, removePath } from '../../files/publish.js';
import type { HmmAnnotation } from '../../store/hmms/hmms.js';
import { ToolFailed, ToolMissing } from '../../tools/errors.js';
import type { ActivityDeps } from '../deps.js';
import { openProcess, runProcess, unusableInput } from '../process_support.js';
import { wireProgress } from '../references/otu_copying.js';
import { downloadRelease } from '../release_download.js';
import { annotatedClusters, checkProfiles, readAnnotations, UnusableHmms } from './check.js';
import { ANNOTATIONS, PROFILES, pressFolder } from './profiles.js';
import { sweepHmms } from './sweep.js';

type ControlDeps = ActivityDeps & { remote: RemoteServices };

/** The download, in parts of the whole progress; as in release 3.7.3. */
const DOWNLOAD_PART = 0.4;
const IMPORT_RANGE = { start: 0.8, width: 0.2 };
const BATCH = 500;

/** Download, import and end of an installation of HMM data. */
export function createInstallHmmsActivities(deps: ControlDeps): InstallHmmsActivities {
  return {
    async downloadHmms(input) {
      let isOpen = false;
      await runProcess(async (signal) => {
        isOpen = await explained(() => download(deps, input, signal));
      });
      return isOpen;
    },
    importHmms: (input) => runProcess((signal) => explained(() => importAnnotations(deps, input, signal))),
    undoInstallHmms: ({ processId, errors }) => runProcess(() => undoInstall(deps, processId, errors)),
  };
}

/** The step of an installation that runs a tool. */
export function createInstallHmmsTools(deps: ActivityDeps): InstallHmmsTools {
  return { unpackHmms: (input) => runProcess((signal) => explained(() => unpack(deps, input, signal))) };
}

/** Removes what an installation has written and lets its process fail, unless it is complete. */
export async function undoInstall(deps: ActivityDeps, processId: string, errors: ProcessError[]): Promise<void> {
  const { store, data } = deps;
  if (!(await store.processes.close(processId))) return;
  await store.hmms.removeOf(processId);
  await removePath(data.hmmInstallation(processId));
  await removePath(incoming(deps, processId));
  await store.hmmStatus.fail(processId, errors);
  deps.log.warn({ processId, error: errors[0]?.message }, 'HMM data not installed');
}

/** The folder in which an installation works; the archive, and attempts at unpacking it. */
function incoming({ data }: ActivityDeps, processId: string): string {
  return join(data.hmmIncoming, processId);
}

function archivePath(deps: ActivityDeps, processId: string): string {
  return join(incoming(deps, processId), 'hmm.tar.gz');
}

async function download(deps: ControlDeps, { processId }: ProcessInput, signal: AbortSignal): Promise<boolean> {
  const process = await openProcess(deps, processId);
  const release = process?.context.release;
  if (!release) return false;
  const path = archivePath(deps, processId);
  const isUnpacked = (await fileSize(join(deps.data.hmmInstallation(processId), PROFILES))) !== undefined;
  if (isUnpacked || (await fileSize(path)) === release.size) return true;

  const failure = { id: 'download', message: 'Could not download HMM data' };
  await downloadRelease(deps, { processId, release, path, step: 'download', part: DOWNLOAD_PART, failure }, signal);
  return true;
}

async function unpack(deps: ActivityDeps, { processId }: ProcessInput, signal: AbortSignal): Promise<void> {
  if (!(await openProcess(deps, processId))) return;
  const folder = deps.data.hmmInstallation(processId);
  const archive = archivePath(deps, processId);
  if ((await fileSize(join(folder, PROFILES))) === undefined) {
    await show(deps, processId, 'unpack', 0.4);
    const partial = await freshFolder(partialName(join(incoming(deps, processId), 'unpacked')));
    await unpackHmmArchive(archive, partial, [ANNOTATIONS, PROFILES], signal);
    await checkProfiles(partial, await annotatedClusters(readAnnotations(partial)), signal);
    await show(deps, processId, 'install_profiles', 0.6);
    await pressFolder(partial, { signal });
    await publishFolder(partial, folder);
  }
  await removePath(incoming(deps, processId));
}

async function importAnnotations(deps: ActivityDeps, { processId }: ProcessInput, signal: AbortSignal): Promise<void> {
  const { store, data } = deps;
  if (!(await openProcess(deps, processId))) return;
  const step = 'import_annotations';
  await show(deps, processId, step, IMPORT_RANGE.start);
  const folder = data.hmmInstallation(processId);
  const { size: total } = await annotatedClusters(readAnnotations(folder));
  let batch: HmmAnnotation[] = [];
  let done = 0;
  for await (const annotation of readAnnotations(folder)) {
    signal.throwIfAborted();
    batch.push(annotation);
    done += 1;
    if (batch.length < BATCH && done < total) continue;
    await store.hmms.stage(processId, batch);
    batch = [];
    const progress = wireProgress({ step, range: IMPORT_RANGE, total }, done);
    if (!(await store.processes.setStep(processId, progress))) throw interrupted();
  }
  if ((await store.hmms.countOf(processId)) !== total) throw new Error('Not all annotations were stored');
  if (!(await store.hmmStatus.publish(processId, step))) throw interrupted();
  deps.log.info({ processId, hmms: total }, 'HMM data installed');
  await sweepHmms(deps);
}

async function show({ store }: ActivityDeps, processId: string, step: string, progress: number): Promise<void> {
  if (!(await store.processes.setStep(processId, { step, progress }))) throw interrupted();
}

function interrupted(): ApplicationFailure {
  return unusableInput([{ id: 'cancelled', message: 'The installation was interrupted' }]);
}

/** What is wrong with the data or the tool ends the process; all else is tried again. */
async function explained<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const message = messageOf(error);
    throw message === undefined ? error : unusableInput([{ id: 'hmm', message }]);
  }
}

function messageOf(error: unknown): string | undefined {
  if (error instanceof UnusableArchive || error instanceof UnusableHmms || error instanceof ToolMissing) {
    return error.message;
  }
  if (error instanceof ToolFailed && error.run.killed !== 'outside') {
    const reason = error.run.stderrTail.filter((line) => line.trim() !== '').at(-1);
    return `The profiles cannot be used: ${error.message}${reason ? ` (${reason})` : ''}`;
  }
  if (error instanceof Error && ['ENOSPC', 'EDQUOT'].includes((error as NodeJS.ErrnoException).code ?? '')) {
    return 'The disk of the server is full';
  }
  return undefined;
}
