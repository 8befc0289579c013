import { randomBytes } from 'node:crypto';
import { Context } from '@temporalio/activity';
import type { StepActivity, StepInput } from '../../contracts/jobs.js';
import { type JobLog, openJobLog } from '../../files/job_log.js';
import { publishUntil } from '../../files/publish.js';
import { surroundTools } from '../../tools/surroundings.js';
import type { ActivityDeps } from '../deps.js';
import { jobClosed } from '../errors.js';
import { stepSignal } from './admission.js';
import { describeError } from './describe.js';
import { inputBytes, runWithin, stepLimitMs } from './limit.js';
import { runRecorded } from './record.js';

const GIB = 1024 ** 3;
const PULSE_MS = 1_000;
const SMALLEST_PROGRESS = 0.01;

/** What the body of a step works with. */
export type Step<Args> = {
  jobId: string;
  args: Args;
  /** Cores that the job was granted; what tools get as their number of threads. */
  threads: number;
  /** Memory that the job was granted, in GiB. */
  memoryGib: number;
  /** Aborted on cancel, on shutdown and when the host has lost the step; throw its reason. */
  signal: AbortSignal;
  log: JobLog;
  /** Tells how far the step is, 0 to 1. Cheap: call it as often as you like. */
  report(fraction: number): void;
  /** For partial names: no other attempt has it, not even one that another host believes to be the first. */
  attempt: string;
};

/** What a step and its tools may take: for so many bytes of input, and without doing anything. */
export type StepTimes = { limitMs(bytes: number): number; stalledAfterMs?: number };

/**
 * Makes a step activity of its body: the job gets its status entry, heartbeats and progress go out while the body runs, and
 * what the body throws is described for the user. The step may run twice, so the body publishes by rename. `times` is for tests.
 */
export function createStep(deps: ActivityDeps, times: StepTimes = { limitMs: stepLimitMs }) {
  return <Args>(body: (step: Step<Args>) => Promise<void>): StepActivity =>
    async (input) => {
      const context = Context.current();
      const { jobId, stage } = input;
      const ended = stepSignal();
      if (!(await deps.store.jobs.startStep(jobId, stage, input.progress))) throw jobClosed(jobId);
      const startedAt = performance.now();
      const log = openJobLog(deps.data, jobId);
      log.stage(stage);
      const { attempt } = context.info;
      if (attempt > 1) log.line(`Attempt ${attempt}`);
      const pulse = startPulse(deps, input, context);
      const { proc, mem } = input.granted ?? input.cost;
      const surroundings = { memoryBytes: mem * GIB, stalledAfterMs: times.stalledAfterMs };
      try {
        // Without its size the input gets the highest limit.
        const bytes = await inputBytes(deps, input).catch(() => Number.POSITIVE_INFINITY);
        await runWithin(bytes, times.limitMs(bytes), (tooLong) => {
          const signal = AbortSignal.any([ended, tooLong]);
          const args = input.args as Args;
          const work = { jobId, args, threads: proc, memoryGib: mem, signal, log, report: pulse.report };
          const step = { ...work, attempt: `${attempt}-${randomBytes(4).toString('hex')}` };
          const publishing = () => publishUntil(signal, () => body(step));
          return surroundTools(surroundings, () => runRecorded(deps, input, { ...work, attempt }, publishing));
        });
        deps.log.info({ jobId, stage, durationMs: Math.round(performance.now() - startedAt) }, 'step finished');
      } catch (error) {
        if (ended.aborted) throw ended.reason;
        deps.log.warn({ jobId, stage, err: error }, 'step failed');
        throw describeError(error, stage, deps.data.root, attempt);
      } finally {
        await pulse.stop();
        await log.flush();
      }
    };
}

function startPulse(deps: ActivityDeps, input: StepInput, context: Context) {
  let fraction = 0;
  let written = 0;
  let writing: Promise<void> = Promise.resolve();
  const beat = () => {
    context.heartbeat({ stage: input.stage, fraction });
    if (fraction - written < SMALLEST_PROGRESS) return;
    written = fraction;
    writing = deps.store.jobs
      .reportProgress(input.jobId, input.stage, fraction, input.share)
      .catch((err: unknown) => deps.log.warn({ err, jobId: input.jobId }, 'progress not written'));
  };
  beat();
  const timer = setInterval(beat, PULSE_MS);
  return {
    report: (done: number) => {
      fraction = Math.min(1, Math.max(fraction, done));
    },
    stop: () => {
      clearInterval(timer);
      return writing;
    },
  };
}
