import { proxyActivities } from '@temporalio/workflow';
import type { JobInput } from '../contracts/jobs.js';
import type { NuvsControl, NuvsSteps } from '../contracts/nuvs.js';
import type { AnalysisControl } from '../contracts/pathoscope.js';
import { runJob } from './job.js';
import { CLEAN_UP_STEP, FINISH_STEP } from './options.js';

const { finishNuvs } = proxyActivities<NuvsControl>(FINISH_STEP);
const { undoAnalysis } = proxyActivities<AnalysisControl>(CLEAN_UP_STEP);

/** Looks for unknown viruses: assembles what neither reference nor host explains, and searches it for viral proteins. */
export function nuvs(input: JobInput): Promise<void> {
  return runJob<NuvsSteps>(input, 'nuvs', { finish: finishNuvs, undo: undoAnalysis }, async (step) => {
    await step('make_analysis_dir', 'makeNuvsDir');
    await step('prepare_reads', 'prepareReads');
    await step('prepare_qc', 'prepareQuality');
    await step('eliminate_otus', 'eliminateOtus');
    await step('eliminate_subtraction', 'eliminateSubtraction');
    await step('reunite_pairs', 'reunitePairs');
    await step('assemble', 'assembleReads');
    await step('process_fasta', 'findContigOrfs');
    await step('prepare_hmm', 'prepareProfiles');
    await step('vfam', 'searchProfiles');
    await step('import_results', 'collectNuvsResults');
  });
}
