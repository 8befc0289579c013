import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { printTable } from './table.js';

const PROCESS = join(import.meta.dirname, 'core_process.mjs');
/** Real samples have 2 to 8: many reads fit to several isolates. */
const LINES_PER_READ = 5;
const RUNS = 3;
const SIZES = [
  { lines: 1_000_000, cpuGoal: '≤ 1.5', memoryGoal: '≤ 150', afterGoal: '≤ 0.8' },
  { lines: 3_000_000, cpuGoal: '≤ 3.5', memoryGoal: '≤ 250', afterGoal: '' },
];

type Measured = { cpuSeconds: number; peakMb: number; secondsAfter: number };

/**
 * The core of Pathoscope on made-up SAM lines that another process writes in place of bowtie2, through threads and files as in a job, beside
 * a bare splitting of the same bytes into lines.
 */
export function benchCore(): void {
  const rows = SIZES.flatMap(({ lines, cpuGoal, memoryGoal, afterGoal }) => {
    const [bare, core, withHost] = (['lines', 'core', 'core_and_host'] as const).map((what) => measure(what, lines));
    const row = (what: string, of: (measured: Measured) => number, digits: number, goal: string) => [
      `${lines / 1e6} M alignments, ${what}`,
      of(core!).toFixed(digits),
      of(withHost!).toFixed(digits),
      of(bare!).toFixed(digits),
      (of(core!) / of(bare!)).toFixed(2),
      goal,
    ];
    const after = row('s after the last line', ({ secondsAfter }) => secondsAfter, 2, afterGoal);
    return [
      row('CPU s', ({ cpuSeconds }) => cpuSeconds, 2, cpuGoal),
      row('peak MB', ({ peakMb }) => peakMb, 0, memoryGoal),
      after.map((cell, column) => (column === 3 || column === 4 ? '' : cell)),
    ];
  });
  printTable(
    'Pathoscope core: parsing, matrix, 50 rounds, rewriting, coverage; a whole process, median of 3 (baseline: splitting into lines)',
    ['what', 'core', 'and host', 'baseline', 'ratio', 'goal'],
    rows,
  );
}

/** The run with the median CPU time: a neighbour on the same core may slow down any one of them. */
function measure(what: 'lines' | 'core' | 'core_and_host', lines: number): Measured {
  const runs = Array.from({ length: RUNS }, () => run(what, lines)).sort((a, b) => a.cpuSeconds - b.cpuSeconds);
  return runs[(RUNS - 1) / 2] as Measured;
}

function run(what: 'lines' | 'core' | 'core_and_host', lines: number): Measured {
  const folder = mkdtempSync(join(tmpdir(), 'virtool-bench-core-'));
  try {
    const args = [PROCESS, what, folder, String(lines), String(LINES_PER_READ)];
    const child = spawnSync(process.execPath, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
    if (child.status !== 0) throw new Error(`${what} of ${lines} lines ended with ${child.signal ?? child.status}`);
    return JSON.parse(child.stdout) as Measured;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
