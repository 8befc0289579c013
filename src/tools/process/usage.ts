import { readdirSync, readFileSync, readlinkSync, realpathSync, statSync } from 'node:fs';

/** What a process tree used so far. */
export type Usage = { cpuSeconds: number; peakRssBytes: number };

/** Input files whose reading is watched: `onFraction` gets the share of their bytes that the tool has read, 0 to 1. */
export type WatchedInputs = { paths: readonly string[]; onFraction: (fraction: number) => void };

/** Linux counts CPU time in hundredths of a second for user programs, whatever the kernel's own tick. */
export const TICKS_PER_SECOND = 100;
const FIRST_SAMPLE_MS = 20;
const LONGEST_PAUSE_MS = 500;

/**
 * Samples CPU time, memory and read positions of a process and its descendants while they run. Without /proc it does
 * nothing and `stop` gives `undefined`.
 */
export function startSampling(pid: number, inputs?: WatchedInputs): { stop(): Usage | undefined } {
  const usage: Usage = { cpuSeconds: 0, peakRssBytes: 0 };
  const readInputs = inputs ? inputReader(inputs) : undefined;
  let seen = false;
  let pause = FIRST_SAMPLE_MS;
  let timer = setTimeout(sample, pause);

  function sample(): void {
    const tree = processTree(pid);
    const parts = tree.map(usageOf).filter((part) => part !== undefined);
    if (parts.length > 0) {
      seen = true;
      usage.cpuSeconds = Math.max(usage.cpuSeconds, sum(parts.map((part) => part.cpuSeconds)));
      usage.peakRssBytes = Math.max(usage.peakRssBytes, sum(parts.map((part) => part.peakRssBytes)));
    }
    readInputs?.(tree);
    pause = Math.min(pause * 1.5, LONGEST_PAUSE_MS);
    timer = setTimeout(sample, pause);
  }

  return {
    stop() {
      clearTimeout(timer);
      return seen ? usage : undefined;
    },
  };
}

/** A process and its descendants, as far as they were forked by a main thread (all our tools do so). Empty without /proc. */
function processTree(root: number): number[] {
  const tree = [root];
  for (let next = 0; next < tree.length; next++) {
    const pid = tree[next];
    const children = readProc(`/proc/${pid}/task/${pid}/children`) ?? '';
    tree.push(...children.split(' ').filter(Boolean).map(Number));
  }
  return tree;
}

function usageOf(pid: number): Usage | undefined {
  const stat = readProc(`/proc/${pid}/stat`);
  const status = readProc(`/proc/${pid}/status`);
  if (stat === undefined || status === undefined) return undefined;
  // The name in parentheses may hold blanks; utime, stime, cutime, cstime are the 12th to 15th field behind it.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const ticks = sum(fields.slice(11, 15).map(Number));
  const peak = /^VmHWM:\s+(\d+) kB/m.exec(status);
  return { cpuSeconds: ticks / TICKS_PER_SECOND, peakRssBytes: Number(peak?.[1] ?? 0) * 1024 };
}

/** Reads how far the processes have come in each watched file; a file that was open and no longer is counts as read. */
function inputReader({ paths, onFraction }: WatchedInputs): (tree: number[]) => void {
  const files = paths.flatMap((path) => {
    try {
      const real = realpathSync(path);
      return [{ real, size: statSync(real).size, read: 0, seen: false }];
    } catch {
      return [];
    }
  });
  const total = sum(files.map((file) => file.size));
  let reported = 0;

  return (tree) => {
    const positions = new Map<string, number>();
    for (const pid of tree) collectPositions(pid, positions);
    for (const file of files) {
      const position = positions.get(file.real);
      if (position !== undefined) file.seen = true;
      if (file.seen) file.read = Math.max(file.read, position ?? file.size);
    }
    const fraction = total === 0 ? 0 : Math.min(1, sum(files.map((file) => file.read)) / total);
    if (fraction > reported) onFraction(fraction);
    reported = Math.max(reported, fraction);
  };
}

function collectPositions(pid: number, positions: Map<string, number>): void {
  let descriptors: string[];
  try {
    descriptors = readdirSync(`/proc/${pid}/fd`);
  } catch {
    return;
  }
  for (const descriptor of descriptors) {
    try {
      const path = readlinkSync(`/proc/${pid}/fd/${descriptor}`);
      const info = readProc(`/proc/${pid}/fdinfo/${descriptor}`);
      const position = Number(/^pos:\s+(\d+)/m.exec(info ?? '')?.[1] ?? 0);
      positions.set(path, Math.max(position, positions.get(path) ?? 0));
    } catch {
      // The descriptor was closed between the two looks.
    }
  }
}

function readProc(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

function sum(numbers: number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
