import { proxyActivities } from '@temporalio/workflow';
import type { ProcessInput, UpdateRemoteReferenceActivities } from '../contracts/processes.js';
import { BULK_STEP, runProcessWorkflow } from './process.js';

const { downloadUpdate, updateReference, undoUpdateReference } =
  proxyActivities<UpdateRemoteReferenceActivities>(BULK_STEP);

/** Makes a remote reference the mirror of a release, whole or not at all: what cannot be finished is taken back. */
export function update_remote_reference(input: ProcessInput): Promise<void> {
  return runProcessWorkflow(input, () => work(input), undoUpdateReference);
}

async function work(input: ProcessInput): Promise<void> {
  if (await downloadUpdate(input)) await updateReference(input);
}
