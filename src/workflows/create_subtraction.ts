import { proxyActivities } from '@temporalio/workflow';
import type { CreateSubtractionControl, CreateSubtractionSteps } from '../contracts/create_subtraction.js';
import type { JobInput } from '../contracts/jobs.js';
import { runJob } from './job.js';
import { CLEAN_UP_STEP, FINISH_STEP } from './options.js';

const { finishCreateSubtraction } = proxyActivities<CreateSubtractionControl>(FINISH_STEP);
const { undoCreateSubtraction } = proxyActivities<CreateSubtractionControl>(CLEAN_UP_STEP);

/** Makes a subtraction of an uploaded host genome: nucleotide fractions, bowtie2 index, compressed FASTA. */
export function create_subtraction(input: JobInput): Promise<void> {
  const end = { finish: finishCreateSubtraction, undo: undoCreateSubtraction };
  return runJob<CreateSubtractionSteps>(input, 'create_subtraction', end, (_, steps) =>
    steps([
      ['make_subtraction_dir', 'makeSubtractionDir'],
      ['unpack', 'unpackSubtraction'],
      ['set_stats', 'setSubtractionStats'],
      ['bowtie_build', 'buildSubtractionIndex'],
      ['compress', 'compressSubtraction'],
    ]),
  );
}
