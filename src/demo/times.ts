import type { JobDetail } from './client/schemas.js';
import type { StepTime } from './report.js';

/** How long a job that has ended waited and what each of its steps took, by the timestamps of its status list. */
export function jobTimes(title: string, job: JobDetail): StepTime {
  const entries = job.status.map((entry) => ({ ...entry, at: Date.parse(entry.timestamp) }));
  const first = entries[0]?.at ?? 0;
  const last = entries.at(-1)?.at ?? first;
  const started = entries.find(({ state }) => state !== 'waiting')?.at ?? last;
  const steps = entries.flatMap(({ state, stage, at }, index) => {
    const next = entries[index + 1];
    return state === 'running' && stage !== null && next ? [{ name: stage, seconds: seconds(next.at - at) }] : [];
  });
  return {
    title,
    kind: 'job',
    id: job.id,
    seconds: seconds(last - first),
    waitedSeconds: seconds(started - first),
    steps,
  };
}

/** Milliseconds as seconds with three digits. */
export function seconds(milliseconds: number): number {
  return Math.round(milliseconds) / 1000;
}
