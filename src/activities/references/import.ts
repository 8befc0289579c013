import type { ImportReferenceActivities, ProcessInput } from '../../contracts/processes.js';
import { uracilNote } from '../../store/otus/bases.js';
import type { ActivityDeps } from '../deps.js';
import { type NoteOffset, openProcess, requireReference, runProcess, unusableInput } from '../process_support.js';
import { checkHeader, checkOtus, sourceOtus } from './check.js';
import { readOtus, readReferenceFile, UnusableReference } from './file.js';
import { copyOtus, undoCopy } from './otu_copying.js';

const COPY_RANGE = { start: 0.6, width: 0.2 };

/** Import of an uploaded reference file. */
export function createImportReferenceActivities(deps: ActivityDeps): ImportReferenceActivities {
  return {
    importReference: (input) =>
      runProcess(async (signal, note) => {
        try {
          await importFile(deps, input, signal, note);
        } catch (error) {
          throw error instanceof UnusableReference ? unusableInput(error.errors) : error;
        }
      }),

    undoImportReference: ({ processId, errors }) => runProcess(() => undoCopy(deps, processId, errors)),
  };
}

async function importFile(
  deps: ActivityDeps,
  { processId }: ProcessInput,
  signal: AbortSignal,
  note: NoteOffset,
): Promise<void> {
  const { references, processes } = deps.store;
  const process = await openProcess(deps, processId);
  if (!process) return;
  const startedAt = performance.now();
  const done = process.done ?? 0;
  const reference = await requireReference(deps, process.context.ref_id);
  // A second run shows no step that lies behind it.
  const show = (step: string) => (done === 0 ? processes.setStep(processId, { step, progress: 0 }) : true);

  // The file is read three times, so that never more than one of its OTUs is in memory.
  const path = deps.data.file(reference.imported_from?.id ?? '');
  await show('load_file');
  const header = checkHeader(await readReferenceFile(path, signal));
  await show('set_metadata');
  const { dataType, organism, otuCount } = header;
  await references.edit(reference._id, { data_type: dataType, organism });
  await show('validate');
  const { uracilSequences } = await checkOtus(readOtus(path, signal));
  if (uracilSequences > 0) await references.edit(reference._id, { notes: [uracilNote(uracilSequences)] });
  await show('import_otus');
  const { _id: referenceId, created_at: createdAt, user } = reference;
  const task = {
    processId,
    target: { method: 'import' as const, referenceId, userId: user.id, createdAt },
    otus: sourceOtus(readOtus(path, signal), done),
    done,
    total: otuCount,
    step: 'import_otus',
    range: COPY_RANGE,
    note,
  };
  await copyOtus(deps, task, signal);
  await processes.complete(processId, 'create_history');
  const durationMs = Math.round(performance.now() - startedAt);
  deps.log.info({ processId, referenceId, otus: otuCount, durationMs }, 'reference imported');
}
