import { proxyActivities } from '@temporalio/workflow';
import type { CreateSampleControl, CreateSampleSteps } from '../contracts/create_sample.js';
import type { JobInput } from '../contracts/jobs.js';
import { runJob } from './job.js';
import { CLEAN_UP_STEP, FINISH_STEP } from './options.js';

const { finishCreateSample } = proxyActivities<CreateSampleControl>(FINISH_STEP);
const { undoCreateSample } = proxyActivities<CreateSampleControl>(CLEAN_UP_STEP);

/** Makes a sample of uploaded reads: copies them, measures their quality, removes the uploads. */
export function create_sample(input: JobInput): Promise<void> {
  const end = { finish: finishCreateSample, undo: undoCreateSample };
  return runJob<CreateSampleSteps>(input, 'create_sample', end, (_, steps) =>
    steps([
      ['make_sample_dir', 'makeSampleDir'],
      ['copy_files', 'copySampleFiles'],
      ['fastqc', 'runSampleFastqc'],
      ['parse_fastqc', 'parseSampleFastqc'],
      ['clean_watch', 'cleanWatch'],
    ]),
  );
}
