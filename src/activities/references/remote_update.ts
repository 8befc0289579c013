import { ApplicationFailure } from '@temporalio/activity';
import type { ProcessError, ProcessInput, UpdateRemoteReferenceActivities } from '../../contracts/processes.js';
import { uracilNote } from '../../store/otus/bases.js';
import { batches } from '../../store/otus/otu_copies.js';
import { ChangeTooLarge, type Mirroring } from '../../store/otus/otu_mirrors.js';
import type { ActivityDeps } from '../deps.js';
import { readAhead } from '../parallel.js';
import { type NoteOffset, openProcess, requireReference, runProcess, unusableInput } from '../process_support.js';
import { sourceOtus } from './check.js';
import { readOtus } from './file.js';
import { wireProgress } from './otu_copying.js';
import type { RemoteDeps } from './refresh.js';
import { askAgain, checkReleaseFile, downloadFor, type ReleaseFile, refused, removeDownload } from './remote_file.js';

const DOWNLOAD = {
  step: 'download_and_extract',
  part: 0.2,
  failure: { id: 'download_error', message: 'Could not download reference data' },
};
const UPDATE_RANGE = { start: 0.2, width: 0.4 };
const REMOVE_RANGE = { start: 0.6, width: 0.2 };

/** Update of a remote reference to a release. */
export function createUpdateRemoteReferenceActivities(deps: RemoteDeps): UpdateRemoteReferenceActivities {
  return {
    downloadUpdate: ({ processId }) =>
      runProcess((signal, note) => downloadFor(deps, processId, DOWNLOAD, signal, note)),
    updateReference: (input) =>
      runProcess(async (signal, note) => {
        await refused(() => update(deps, input, signal, note));
        await removeDownload(deps, input.processId);
      }),
    undoUpdateReference: ({ processId, errors }) =>
      runProcess((signal) => undoUpdate(deps, processId, errors, () => signal.throwIfAborted())),
  };
}

/** Takes back all changes of an update and lets its process fail, unless it is complete. */
export async function undoUpdate(
  deps: ActivityDeps,
  processId: string,
  errors: ProcessError[],
  onStep: () => void = () => undefined,
): Promise<void> {
  const { store, log } = deps;
  const process = await store.processes.get(processId);
  const referenceId = process?.context.ref_id ?? '';
  if (process && (await store.processes.close(processId))) {
    // Of a reference that is gone everything goes.
    const isThere = (await store.references.get(referenceId)) !== null;
    const reverted = isThere ? await store.historyReverts.revertProcess(referenceId, processId, onStep) : 0;
    await store.remoteReferences.failUpdate(processId, referenceId, errors);
    log.warn({ processId, referenceId, reverted, error: errors[0]?.message }, 'update of a reference taken back');
  }
  await removeDownload(deps, processId);
}

async function update(
  deps: RemoteDeps,
  { processId }: ProcessInput,
  signal: AbortSignal,
  note: NoteOffset,
): Promise<void> {
  const process = await openProcess(deps, processId);
  if (!process) return;
  const startedAt = performance.now();
  const { references, remoteReferences } = deps.store;
  const { _id: referenceId, notes } = await requireReference(deps, process.context.ref_id);
  const { user_id: userId = '', created_at: createdAt = process.created_at } = process.context;
  const mirroring = { processId, referenceId, userId, createdAt };
  const file = await checkReleaseFile(deps, processId, signal);
  await mirror(deps, mirroring, { file, done: process.done ?? 0, note }, signal);
  await removeStrangers(deps, mirroring, file, signal);
  await deps.store.processes.setStep(processId, { step: 'update_reference', progress: 0.8 });
  await askAgain(deps, referenceId, signal);
  signal.throwIfAborted();
  if (!(await remoteReferences.publish(processId, referenceId, file.sha256, 'update_reference'))) throw interrupted();
  if (file.uracilSequences > 0 || notes) {
    await references.edit(referenceId, { notes: file.uracilSequences > 0 ? [uracilNote(file.uracilSequences)] : [] });
  }
  const durationMs = Math.round(performance.now() - startedAt);
  deps.log.info({ processId, referenceId, otus: file.otuCount, durationMs }, 'remote reference updated');
}

async function mirror(
  deps: RemoteDeps,
  mirroring: Mirroring,
  { file, done: before, note }: { file: ReleaseFile; done: number; note: NoteOffset },
  signal: AbortSignal,
): Promise<void> {
  let from = before;
  for await (const sources of readAhead(batches(sourceOtus(readOtus(file.path, signal), from)))) {
    signal.throwIfAborted();
    const shown = { step: 'update_otus', range: UPDATE_RANGE, total: file.otuCount };
    const progress = wireProgress(shown, from + sources.length);
    const isWritten = await explained(() => deps.store.otuMirrors.mirrorBatch(mirroring, { from, sources, progress }));
    // A run whose heartbeats were lost may still write beside the next one; the later try goes on from the marker.
    if (!isWritten)
      throw ApplicationFailure.create({ type: 'Overtaken', message: 'The process is further, or has ended' });
    from += sources.length;
    note(from);
  }
}

async function removeStrangers(
  { store }: RemoteDeps,
  mirroring: Mirroring,
  file: ReleaseFile,
  signal: AbortSignal,
): Promise<void> {
  const strangers = await store.otuMirrors.strangers(mirroring.referenceId, file.otuIds);
  const shown = { step: 'remove_otus', range: REMOVE_RANGE, total: strangers.length };
  for (const [index, otuId] of strangers.entries()) {
    signal.throwIfAborted();
    if (!(await store.otuMirrors.remove(mirroring, otuId, wireProgress(shown, index + 1)))) throw interrupted();
  }
}

function interrupted(): ApplicationFailure {
  return unusableInput([{ id: 'cancelled', message: 'The update was interrupted' }]);
}

async function explained<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw error instanceof ChangeTooLarge ? unusableInput([{ id: 'otu', message: error.message }]) : error;
  }
}
