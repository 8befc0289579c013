import type { JobActivities } from '../../contracts/jobs.js';
import type { ActivityDeps } from '../deps.js';

/** Bookkeeping of all jobs. */
export function createJobActivities(deps: ActivityDeps): JobActivities {
  return {
    async completeJob({ jobId, stage }) {
      await deps.store.jobs.close(jobId, { state: 'complete', error: null, stage });
    },

    async closeJob({ jobId, state, error }) {
      await deps.store.jobs.close(jobId, { state, error });
      deps.log.info({ jobId, state, failureClass: error?.class }, 'job closed');
    },
  };
}
