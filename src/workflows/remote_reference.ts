import { proxyActivities } from '@temporalio/workflow';
import type { ProcessInput, RemoteReferenceActivities } from '../contracts/processes.js';
import { BULK_STEP, runProcessWorkflow } from './process.js';

const { downloadReference, installReference, undoInstallReference } =
  proxyActivities<RemoteReferenceActivities>(BULK_STEP);

/** Installs a release in a new reference, whole or not at all: when it cannot be installed the reference goes and the process keeps the reasons. */
export function remote_reference(input: ProcessInput): Promise<void> {
  return runProcessWorkflow(input, () => work(input), undoInstallReference);
}

async function work(input: ProcessInput): Promise<void> {
  if (await downloadReference(input)) await installReference(input);
}
