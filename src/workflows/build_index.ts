import { proxyActivities } from '@temporalio/workflow';
import type { BuildIndexControl, BuildIndexSteps } from '../contracts/build_index.js';
import type { JobInput } from '../contracts/jobs.js';
import { runJob } from './job.js';
import { CLEAN_UP_STEP, FINISH_STEP } from './options.js';

const { finishBuildIndex } = proxyActivities<BuildIndexControl>(FINISH_STEP);
const { removeOldIndexes, undoBuildIndex } = proxyActivities<BuildIndexControl>(CLEAN_UP_STEP);

/** Builds a reference's index: FASTA of the default isolates at their manifest versions, bowtie2 index. */
export async function build_index(input: JobInput): Promise<void> {
  const end = { finish: finishBuildIndex, undo: undoBuildIndex };
  await runJob<BuildIndexSteps>(input, 'build_index', end, (_, steps) =>
    steps([
      ['mk_index_dir', 'makeIndexDir'],
      ['write_fasta', 'writeIndexFasta'],
      ['bowtie_build', 'buildReferenceIndex'],
      ['replace_old', 'replaceOldIndex'],
    ]),
  );
  await removeOldIndexes(input);
}
