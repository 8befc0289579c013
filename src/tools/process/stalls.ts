import { readdirSync, readFileSync } from 'node:fs';
import { TICKS_PER_SECOND } from './usage.js';

/** When any of the tools that work together did something last, on the clock of `performance`. */
export type Activity = { at: number };

/** How a group of processes is watched. */
export type StallOptions = {
  activity: Activity;
  /** For so long all of them may do nothing. */
  limitMs: number;
  /** Whether the group waits for this process to take what it has written. */
  isHeldUp(): boolean;
  onStalled(): void;
};

const CHECKS_PER_LIMIT = 20;
/** Below this share of one core a process does nothing: idle runtimes wake up now and then. */
const IDLE_SHARE = 0.001;

/**
 * Watches whether the processes of a group still use the processor, read or write. What one tool does counts for all with which it
 * shares its `activity`, as they may wait for it. Without /proc nothing is watched.
 */
export function watchStalls(group: number, { activity, limitMs, isHeldUp, onStalled }: StallOptions): { stop(): void } {
  activity.at = performance.now();
  let last = workOf(group);
  const check = () => {
    const now = workOf(group);
    if (!now || !last) return;
    if (isHeldUp() || hasWorked(last, now, limitMs)) {
      activity.at = performance.now();
      last = now;
    } else if (performance.now() - activity.at >= limitMs) {
      clearInterval(timer);
      onStalled();
    }
  };
  const timer = setInterval(check, limitMs / CHECKS_PER_LIMIT);
  timer.unref();
  return { stop: () => clearInterval(timer) };
}

/** What the processes of a group have done so far. */
type Work = { pids: string; ticks: number; bytes: number };

function hasWorked(before: Work, now: Work, limitMs: number): boolean {
  const idleTicks = (limitMs / 1000) * TICKS_PER_SECOND * IDLE_SHARE;
  return before.pids !== now.pids || before.bytes !== now.bytes || now.ticks - before.ticks > idleTicks;
}

function workOf(group: number): Work | undefined {
  let pids = '';
  let ticks = 0;
  let bytes = 0;
  for (const pid of processIds()) {
    const stat = read(`/proc/${pid}/stat`);
    // The name in parentheses may hold blanks; behind it the group is the 3rd, utime to cstime are the 12th to 15th field.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (Number(fields[2]) !== group) continue;
    pids += ` ${pid}`;
    for (const field of fields.slice(11, 15)) ticks += Number(field);
    for (const [, count] of read(`/proc/${pid}/io`).matchAll(/^[rw]char: (\d+)$/gm)) bytes += Number(count);
  }
  return pids === '' ? undefined : { pids, ticks, bytes };
}

function processIds(): string[] {
  try {
    return readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  } catch {
    return [];
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    // It has ended meanwhile.
    return '';
  }
}
