import { jobWorkflowId } from '../../contracts/jobs.js';
import { processWorkflowId } from '../../contracts/processes.js';
import { processStart } from '../../contracts/workflow_starts.js';
import { insertWithFreshId } from '../../store/database/ids.js';
import { newProcess, type ProcessDocument } from '../../store/processes.js';
import type { ReferenceDocument } from '../../store/references/references.js';
import type { ApiDeps } from '../deps.js';
import type { Caller } from '../http/caller.js';
import { notFound } from '../http/refusals.js';
import { json, path, type RouteResult } from '../http/route.js';
import { toWireProcess } from '../processes/wire.js';

/** Removes a reference at once; a process removes what belongs to it, once nothing works with it any more. */
export async function removeReference(
  deps: ApiDeps,
  caller: Caller,
  reference: ReferenceDocument,
): Promise<RouteResult> {
  const process = await insertWithFreshId((id) => exchange(deps, caller, reference, id));
  if (!process) return notFound();
  await stopWork(deps, reference);
  await deps.workflows.start(processStart({ _id: process._id, type: 'delete_reference', userId: caller.userId }));
  return json(toWireProcess(process), 202, { 'Content-Location': path`/api/processes/${process._id}` });
}

/** The document goes and the process comes; one that was filling the reference writes nothing any more. */
function exchange(
  { store }: ApiDeps,
  caller: Caller,
  reference: ReferenceDocument,
  processId: string,
): Promise<ProcessDocument | undefined> {
  const context = { ref_id: reference._id, user_id: caller.userId };
  const process = newProcess(processId, 'delete_reference', context);
  return store.database.transaction(async (session) => {
    if (!(await store.references.remove(reference._id, session))) return undefined;
    await store.processes.insert(process, session);
    const filling = reference.process?.id;
    if (filling !== undefined && (await store.processes.isRunning(filling, session))) {
      await store.processes.close(filling, session);
    }
    return process;
  });
}

async function stopWork({ store, workflows }: ApiDeps, reference: ReferenceDocument): Promise<void> {
  const filling = reference.process?.id;
  if (filling !== undefined && (await store.processes.isRunning(filling))) {
    await workflows.cancel(processWorkflowId(filling));
  }
  for (const jobId of await store.referenceUse.buildJobs(reference._id)) {
    if (await store.jobs.requestCancel(jobId)) await workflows.cancel(jobWorkflowId(jobId));
  }
}
