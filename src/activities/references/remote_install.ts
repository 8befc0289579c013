import type { ProcessError, ProcessInput, RemoteReferenceActivities } from '../../contracts/processes.js';
import { uracilNote } from '../../store/otus/bases.js';
import type { ActivityDeps } from '../deps.js';
import { type NoteOffset, openProcess, requireReference, runProcess, unusableInput } from '../process_support.js';
import { sourceOtus } from './check.js';
import { readOtus } from './file.js';
import { copyOtus, undoCopy } from './otu_copying.js';
import type { RemoteDeps } from './refresh.js';
import { askAgain, checkReleaseFile, downloadFor, refused, removeDownload } from './remote_file.js';

const DOWNLOAD = {
  step: 'download',
  part: 0.3,
  failure: { id: 'download', message: 'Could not download reference data' },
};
const COPY_RANGE = { start: 0.4, width: 0.3 };

/** Installation of a release in a new reference. */
export function createRemoteReferenceActivities(deps: RemoteDeps): RemoteReferenceActivities {
  return {
    downloadReference: ({ processId }) =>
      runProcess((signal, note) => downloadFor(deps, processId, DOWNLOAD, signal, note)),
    installReference: (input) =>
      runProcess(async (signal, note) => {
        await refused(() => install(deps, input, signal, note));
        await removeDownload(deps, input.processId);
      }),
    undoInstallReference: ({ processId, errors }) => runProcess(() => undoRemoteInstall(deps, processId, errors)),
  };
}

/** Removes the reference that was being installed, with what was downloaded for it. */
export async function undoRemoteInstall(deps: ActivityDeps, processId: string, errors: ProcessError[]): Promise<void> {
  await undoCopy(deps, processId, errors);
  await removeDownload(deps, processId);
}

async function install(
  deps: RemoteDeps,
  { processId }: ProcessInput,
  signal: AbortSignal,
  note: NoteOffset,
): Promise<void> {
  const { references, processes, remoteReferences } = deps.store;
  const process = await openProcess(deps, processId);
  if (!process) return;
  const startedAt = performance.now();
  const done = process.done ?? 0;
  const reference = await requireReference(deps, process.context.ref_id);
  const { _id: referenceId, created_at: createdAt, user } = reference;
  // A second run shows no step that lies behind it.
  if (done === 0) await processes.setStep(processId, { step: 'unpack', progress: DOWNLOAD.part });
  const file = await checkReleaseFile(deps, processId, signal);
  const notes = file.uracilSequences > 0 ? { notes: [uracilNote(file.uracilSequences)] } : {};
  await references.edit(referenceId, { data_type: file.dataType, organism: file.organism, ...notes });
  const task = {
    processId,
    target: { method: 'remote' as const, referenceId, userId: user.id, createdAt },
    otus: sourceOtus(readOtus(file.path, signal), done),
    done,
    total: file.otuCount,
    step: 'import',
    range: COPY_RANGE,
    note,
  };
  await copyOtus(deps, task, signal);
  await askAgain(deps, referenceId, signal);
  signal.throwIfAborted();
  if (!(await remoteReferences.publish(processId, referenceId, file.sha256, 'create_history'))) {
    throw unusableInput([{ id: 'cancelled', message: 'The installation was interrupted' }]);
  }
  const durationMs = Math.round(performance.now() - startedAt);
  deps.log.info({ processId, referenceId, otus: file.otuCount, durationMs }, 'remote reference installed');
}
