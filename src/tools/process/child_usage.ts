import { readFileSync } from 'node:fs';
import { TICKS_PER_SECOND } from './usage.js';

// Tools that run now, and how many have been started: the kernel tells the CPU time of all children that have ended, in one sum.
let running = 0;
let started = 0;

/**
 * CPU time of a tool and all that it waited for, as the kernel counts it, in hundredths of a second. To be called before the tool
 * starts; `end` when it has ended, more than once is harmless. Undefined when other tools of this process ran meanwhile, and on systems
 * without /proc.
 */
export function watchChildCpu(): { end(): number | undefined } {
  const before = childTicks();
  started += 1;
  const [number, isFirst] = [started, running === 0];
  running += 1;
  let ended: { seconds: number | undefined } | undefined;
  const measure = () => {
    running -= 1;
    const after = childTicks();
    const isAlone = isFirst && started === number;
    if (!isAlone || before === undefined || after === undefined) return { seconds: undefined };
    return { seconds: (after - before) / TICKS_PER_SECOND };
  };
  return {
    end: () => {
      ended ??= measure();
      return ended.seconds;
    },
  };
}

/** What this process has had of tools so far. */
export type ChildUsage = { running: number; started: number; cpuSeconds: number | undefined };

/** Number of tools that run and that were started, and the CPU time of those that have ended. */
export function readChildUsage(): ChildUsage {
  const ticks = childTicks();
  return { running, started, cpuSeconds: ticks === undefined ? undefined : ticks / TICKS_PER_SECOND };
}

/** User and system time of the children of this process that have ended, with theirs. */
function childTicks(): number | undefined {
  try {
    const stat = readFileSync('/proc/self/stat', 'utf8');
    // The name in parentheses may hold blanks; cutime and cstime are the 14th and 15th field behind it.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return Number(fields[13]) + Number(fields[14]);
  } catch {
    return undefined;
  }
}
