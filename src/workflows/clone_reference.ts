import { proxyActivities } from '@temporalio/workflow';
import type { CloneReferenceActivities, ProcessInput } from '../contracts/processes.js';
import { BULK_STEP, runProcessWorkflow } from './process.js';

const { cloneReference, undoCloneReference } = proxyActivities<CloneReferenceActivities>(BULK_STEP);

/** Fills a reference with the OTUs of another one, as they were when the clone was asked for. */
export function clone_reference(input: ProcessInput): Promise<void> {
  return runProcessWorkflow(input, () => cloneReference(input), undoCloneReference);
}
