import { proxyActivities } from '@temporalio/workflow';
import { QUEUES } from '../contracts/jobs.js';
import {
  type InstallHmmsActivities,
  type InstallHmmsTools,
  type ProcessInput,
  processWorkflowId,
} from '../contracts/processes.js';
import { TOOL_STEP } from './options.js';
import { BULK_STEP, runProcessWorkflow } from './process.js';

const { downloadHmms, importHmms, undoInstallHmms } = proxyActivities<InstallHmmsActivities>(BULK_STEP);
const { unpackHmms } = proxyActivities<InstallHmmsTools>({ ...TOOL_STEP, taskQueue: QUEUES.small });

/** hmmpress works with one thread and holds one profile at a time. */
const PRESS_COST = { proc: 1, mem: 1 };

/** Installs the latest release of HMM data. Whatever fails, what was installed before stays in use. */
export function install_hmms(input: ProcessInput): Promise<void> {
  return runProcessWorkflow(input, () => install(input), undoInstallHmms);
}

async function install(input: ProcessInput): Promise<void> {
  if (!(await downloadHmms(input))) return;
  await unpackHmms({ ...input, jobId: processWorkflowId(input.processId), cost: PRESS_COST, last: true });
  await importHmms(input);
}
