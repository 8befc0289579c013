import type { ActivityDeps } from './deps.js';
import { createBuildIndexControl } from './jobs/build_index.js';
import { createCreateSampleControl } from './jobs/create_sample.js';
import { createCreateSubtractionControl } from './jobs/create_subtraction.js';
import { createUpdateSampleControl } from './jobs/update_sample.js';
import { createAnalysisControl } from './pathoscope/steps.js';
import type { UndoByTask } from './upkeep/reconcile_jobs.js';

/** What removes all that a job made, for each task; outside of workflows too. */
export function createUndo(deps: ActivityDeps): UndoByTask {
  const { undoAnalysis } = createAnalysisControl(deps);
  return {
    create_sample: createCreateSampleControl(deps).undoCreateSample,
    update_sample: createUpdateSampleControl(deps).undoUpdateSample,
    create_subtraction: createCreateSubtractionControl(deps).undoCreateSubtraction,
    build_index: createBuildIndexControl(deps).undoBuildIndex,
    pathoscope_bowtie: undoAnalysis,
    nuvs: undoAnalysis,
  };
}
