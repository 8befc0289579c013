import type { HousekeepingActivities } from '../contracts/housekeeping.js';
import type { RemoteServices } from '../contracts/remote.js';
import { createBlastActivities } from './blast.js';
import type { ActivityDeps, WorkflowControl } from './deps.js';
import { limitFaults } from './faults.js';
import { createInstallHmmsActivities, createInstallHmmsTools } from './hmms/install.js';
import { createBuildIndexControl, createBuildIndexSteps } from './jobs/build_index.js';
import { createJobActivities } from './jobs/close.js';
import { createCreateSampleControl, createCreateSampleSteps } from './jobs/create_sample.js';
import { createCreateSubtractionControl, createCreateSubtractionSteps } from './jobs/create_subtraction.js';
import { createUpdateSampleControl, createUpdateSampleSteps } from './jobs/update_sample.js';
import { createNuvsControl, createNuvsSteps } from './nuvs/steps.js';
import { createAnalysisControl, createPathoscopeSteps } from './pathoscope/steps.js';
import { withPulse, withPulses } from './pulse.js';
import { createCloneReferenceActivities } from './references/clone.js';
import { createDeleteReferenceActivities } from './references/delete.js';
import { createImportReferenceActivities } from './references/import.js';
import { createRemoteReferenceActivities } from './references/remote_install.js';
import { createUpdateRemoteReferenceActivities } from './references/remote_update.js';
import { createStepsActivities } from './steps/steps.js';
import { createUndo } from './undo.js';
import { createHousekeeping } from './upkeep/housekeeping.js';

/** All steps of jobs; they run where the tools are. */
export function createToolActivities(deps: ActivityDeps) {
  const small = {
    ...createCreateSampleSteps(deps),
    ...createUpdateSampleSteps(deps),
    ...createCreateSubtractionSteps(deps),
    ...createBuildIndexSteps(deps),
  };
  return {
    ...small,
    ...createStepsActivities(deps, small),
    ...createPathoscopeSteps(deps),
    ...createNuvsSteps(deps),
    ...createInstallHmmsTools(deps),
  };
}

/** Bookkeeping, ends and undoing of jobs, processes and periodic work; they run on `control`. */
export function createControlActivities(deps: ActivityDeps & { workflows: WorkflowControl; remote: RemoteServices }) {
  const sample = createCreateSampleControl(deps);
  const update = createUpdateSampleControl(deps);
  const subtraction = createCreateSubtractionControl(deps);
  const index = createBuildIndexControl(deps);
  const analysis = createAnalysisControl(deps);
  const ends = withPulses({ ...sample, ...update, ...subtraction, ...index, ...analysis, ...createNuvsControl(deps) });
  const house: HousekeepingActivities = createHousekeeping({ ...deps, undo: createUndo(deps) });
  return {
    ...createImportReferenceActivities(deps),
    ...createCloneReferenceActivities(deps),
    ...createDeleteReferenceActivities(deps),
    ...createRemoteReferenceActivities(deps),
    ...createUpdateRemoteReferenceActivities(deps),
    ...createInstallHmmsActivities(deps),
    ...createBlastActivities(deps),
    ...limitFaults({ ...createJobActivities(deps), ...ends }),
    keepHouse: withPulse(house.keepHouse),
  };
}
