import { cpus, freemem, totalmem } from 'node:os';

/** Load of the host: percent per core since the previous look, memory in bytes. */
export type Resources = { proc: number[]; mem: { total: number; available: number } };

type Sample = { busy: number; total: number };

/** Measures the host; the first look covers the time since the meter was made. */
export function createResourceMeter(): () => Resources {
  let previous = sampleCores();
  let shown = previous.map(() => 0);
  return () => {
    const now = sampleCores();
    shown = now.map((sample, core) => percentBusy(previous[core], sample) ?? shown[core] ?? 0);
    previous = now;
    return { proc: shown, mem: { total: totalmem(), available: freemem() } };
  };
}

/** Busy part of the time between two samples in percent with one digit; undefined when no time has passed. */
export function percentBusy(before: Sample | undefined, now: Sample): number | undefined {
  const total = now.total - (before?.total ?? 0);
  if (total <= 0) return undefined;
  const busy = Math.max(0, now.busy - (before?.busy ?? 0));
  return Math.round((busy / total) * 1_000) / 10;
}

function sampleCores(): Sample[] {
  return cpus().map(({ times }) => {
    const total = times.user + times.nice + times.sys + times.idle + times.irq;
    return { busy: total - times.idle, total };
  });
}
