import { proxyActivities } from '@temporalio/workflow';
import type { ImportReferenceActivities, ProcessInput } from '../contracts/processes.js';
import { BULK_STEP, runProcessWorkflow } from './process.js';

const { importReference, undoImportReference } = proxyActivities<ImportReferenceActivities>(BULK_STEP);

/** Fills a reference from an uploaded file. When the file is unusable the reference goes and the process keeps the reasons. */
export function import_reference(input: ProcessInput): Promise<void> {
  return runProcessWorkflow(input, () => importReference(input), undoImportReference);
}
