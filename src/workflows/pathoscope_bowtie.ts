import { patched, proxyActivities } from '@temporalio/workflow';
import type { JobInput } from '../contracts/jobs.js';
import type { AnalysisControl, PathoscopeSteps } from '../contracts/pathoscope.js';
import { bookkeeping, runJob } from './job.js';
import { CLEAN_UP_STEP, FINISH_STEP } from './options.js';

const { finishPathoscope } = proxyActivities<AnalysisControl>(FINISH_STEP);
const { undoAnalysis } = proxyActivities<AnalysisControl>(CLEAN_UP_STEP);

/** Finds known viruses: maps trimmed reads to all isolates of candidate OTUs and reassigns ambiguous ones. */
export function pathoscope_bowtie(input: JobInput): Promise<void> {
  return runJob<PathoscopeSteps>(input, 'pathoscope_bowtie', { finish, undo: undoAnalysis }, async (step) => {
    await step('make_analysis_dir', 'makeAnalysisDir');
    await step('prepare_reads', 'prepareReads');
    await step('prepare_qc', 'prepareQuality');
    await step('map_default_isolates', 'mapDefaultIsolates');
    await step('generate_isolate_fasta', 'generateIsolateFasta');
    await step('build_isolate_index', 'buildIsolateIndex');
    await step('map_isolates', 'mapIsolates');
    await step('map_subtraction', 'mapSubtraction');
    await step('subtract_mapping', 'subtractMapping');
    await step('pathoscope', 'reassignReads');
    await step('import_results', 'importPathoscopeResults');
    await step('cleanup_indexes', 'cleanupIndexes');
  });
}

// Before, the results had their place already when the job became complete.
async function finish(input: JobInput): Promise<void> {
  if (patched('results-with-job')) await finishPathoscope(input);
  else await bookkeeping.completeJob({ jobId: input.jobId, stage: 'cleanup_indexes' });
}
