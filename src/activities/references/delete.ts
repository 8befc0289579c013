import { rm } from 'node:fs/promises';
import type { DeleteReferenceActivities, ProcessInput } from '../../contracts/processes.js';
import type { ActivityDeps } from '../deps.js';
import { openProcess, runProcess } from '../process_support.js';

/** Removal of what belongs to a deleted reference. */
export function createDeleteReferenceActivities(deps: ActivityDeps): DeleteReferenceActivities {
  return {
    async isReferenceInUse({ processId }) {
      const process = await openProcess(deps, processId);
      const referenceId = process?.context.ref_id;
      return referenceId !== undefined && (await deps.store.referenceUse.isInUse(referenceId));
    },

    deleteReference: (input) => runProcess((signal) => removeContents(deps, input, signal)),

    async failDeleteReference({ processId, errors }) {
      await deps.store.processes.fail(processId, errors);
      deps.log.error({ processId, error: errors[0]?.message }, 'removal of a reference failed');
    },
  };
}

async function removeContents(deps: ActivityDeps, { processId }: ProcessInput, signal: AbortSignal): Promise<void> {
  const { processes, otuRemovals, referenceUse, indexBuilds } = deps.store;
  const process = await openProcess(deps, processId);
  const referenceId = process?.context.ref_id;
  if (!process || referenceId === undefined) return;
  const show = (step: string, progress: number) => processes.setStep(processId, { step, progress });
  const onStep = () => signal.throwIfAborted();

  await show('remove_indexes', 0);
  await indexBuilds.collection.deleteMany({ 'reference.id': referenceId });
  await rm(deps.data.reference(referenceId), { recursive: true, force: true });

  await show('remove_unreferenced_otus', 0.33);
  const named = await referenceUse.otusInResults(referenceId);
  if (named !== 'unknown') await otuRemovals.removeAll(referenceId, named, onStep);

  await show('remove_referenced_otus', 0.67);
  await otuRemovals.removeAllWithHistory(referenceId, process.context.user_id ?? '', onStep);
  await processes.complete(processId, 'remove_referenced_otus');
  deps.log.info({ processId, referenceId }, 'reference removed');
}
