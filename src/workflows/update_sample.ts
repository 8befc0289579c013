import { proxyActivities } from '@temporalio/workflow';
import type { JobInput } from '../contracts/jobs.js';
import type { UpdateSampleControl, UpdateSampleSteps } from '../contracts/update_sample.js';
import { runJob } from './job.js';
import { CLEAN_UP_STEP, FINISH_STEP } from './options.js';

const { finishUpdateSample } = proxyActivities<UpdateSampleControl>(FINISH_STEP);
const { undoUpdateSample } = proxyActivities<UpdateSampleControl>(CLEAN_UP_STEP);

/** Replaces the trimmed reads of an old sample by uploaded raw ones; the old ones become a cache. */
export function update_sample(input: JobInput): Promise<void> {
  const end = { finish: finishUpdateSample, undo: undoUpdateSample };
  return runJob<UpdateSampleSteps>(input, 'update_sample', end, async (step) => {
    await step('copy_files', 'copyReplacements');
    await step('fastqc', 'runReplacementFastqc');
    await step('parse_fastqc', 'parseReplacementFastqc');
    await step('create_cache', 'createLegacyCache');
    await step('replace_old', 'replaceOldReads');
  });
}
