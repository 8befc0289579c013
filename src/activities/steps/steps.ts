import { ApplicationFailure, TemporalFailure } from '@temporalio/common';
import type { StepActivity, StepsActivities } from '../../contracts/jobs.js';
import type { ActivityDeps } from '../deps.js';

/** The activity of several steps, made of those of each step. */
export function createStepsActivities(
  { store }: { store: { jobs: Pick<ActivityDeps['store']['jobs'], 'begunStages'> } },
  activities: Readonly<Record<string, StepActivity>>,
): StepsActivities {
  return {
    async runSteps({ steps, ...job }) {
      // A step begins when the one before it has done all. Of that nothing is done again: what it was made of may be gone.
      const begun = await store.jobs.begunStages(job.jobId);
      const first = steps.findLastIndex(({ stage }) => begun.includes(stage));
      for (const { activity, ...step } of steps.slice(Math.max(first, 0))) {
        const run = activities[activity];
        if (!run) throw new Error(`No activity ${activity}`);
        await run({ ...job, ...step }).catch((error: unknown) => {
          if (error instanceof TemporalFailure || !(error instanceof Error)) throw error;
          throw ApplicationFailure.fromError(error, { type: error.name, details: [{ stage: step.stage }] });
        });
      }
    },
  };
}
