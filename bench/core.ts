import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { printTable, seconds } from './table.js';

const PROCESS = join(import.meta.dirname, 'core_process.mjs');
const LINES_PER_READ = 3;
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
    const bare = measure('lines', lines);
    const core = measure('core', lines);
    const what = `${lines / 1e6} M alignments`;
    return [
      [
        `${what}, CPU s`,
        seconds(core.cpuSeconds),
        seconds(bare.cpuSeconds),
        ratio(core.cpuSeconds, bare.cpuSeconds),
        cpuGoal,
      ],
      [`${what}, peak MB`, core.peakMb.toFixed(0), bare.peakMb.toFixed(0), ratio(core.peakMb, bare.peakMb), memoryGoal],
      [`${what}, s after the last line`, seconds(core.secondsAfter), '', '', afterGoal],
    ];
  });
  printTable(
    'Pathoscope core: parsing, subtraction, matrix, 50 rounds, rewriting, coverage (whole process; baseline: splitting into lines)',
    ['what', 'core', 'baseline', 'ratio', 'goal'],
    rows,
  );
}

function measure(what: 'core' | 'lines', lines: number): Measured {
  const folder = mkdtempSync(join(tmpdir(), 'virtool-bench-core-'));
  try {
    const args = [PROCESS, what, folder, String(lines), String(LINES_PER_READ)];
    const run = spawnSync(process.execPath, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
    if (run.status !== 0) throw new Error(`${what} of ${lines} lines ended with ${run.signal ?? run.status}`);
    return JSON.parse(run.stdout) as Measured;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function ratio(value: number, baseline: number): string {
  return (value / baseline).toFixed(2);
}
