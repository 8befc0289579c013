import { readFileSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { openHmmParts } from '../src/activities/hmms/parts.js';
import { searchHmms } from '../src/activities/hmms/search.js';
import { formatScanTable, type HitLine } from '../src/bio/hmmer.js';
import { pressProfiles } from '../src/tools/hmmpress.js';
import { runTool } from '../src/tools/runner.js';
import { framesOf, writeProfiles } from './hmm_profiles.js';
import { printTable, seconds } from './table.js';

const FRAMES = 282;
const GOAL = 0.3;

/** As many as a release has; and those of the demo alone, most of which hit, so that the comparison itself takes nearly all the time. */
const SETS = [4717, 240];

type Cost = { cpu: number; wall: number };

/** The HMM search of a job beside hmmpress and hmmscan, which the original ran for every job; the hits must be the same. */
export async function benchHmmSearch(): Promise<void> {
  for (const count of SETS) {
    const folder = await mkdtemp(join(tmpdir(), 'virtool-bench-hmm-'));
    try {
      const rows = await measureSearches(folder, count);
      const title = `HMM search, ${count} profiles, ${FRAMES} frames (goal with 4717: ≤ ${GOAL.toFixed(2)} of the CPU)`;
      printTable(title, ['what', 'CPU s', 'wall s', 'ratio', 'hits'], rows);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }
}

async function measureSearches(folder: string, count: number): Promise<string[][]> {
  const signal = new AbortController().signal;
  const installation = join(folder, 'installation');
  await mkdir(installation);
  const profiles = join(installation, 'profiles.hmm');
  await rename(await writeProfiles(folder, count), profiles);
  const [proteins, table] = [join(folder, 'orfs.fa'), join(folder, 'scan.tsv')];
  await writeFile(proteins, await framesOf(FRAMES));

  const press = await measure(() => runTool(pressProfiles(profiles)));
  const scan = await measure(() =>
    runTool({ argv: ['hmmscan', '--tblout', table, '--noali', '--cpu', '1', profiles, proteins] }),
  );
  const parts = await measure(() => openHmmParts(installation, 'bench', signal));
  const expected = body(await readFile(table, 'utf8'));
  const bare = press.cpu + scan.cpu;
  const rows = [
    ['hmmpress + hmmscan', seconds(bare), seconds(press.wall + scan.wall), '1.00', ''],
    ['parts, once per installation', seconds(parts.cpu), seconds(parts.wall), '', ''],
  ];
  for (const threads of new Set([1, availableParallelism()])) {
    const work = join(folder, `work-${threads}`);
    await mkdir(work);
    let lines: HitLine[] = [];
    const cost = await measure(async () => {
      lines = await searchHmms({ installation, proteins, work, owner: 'bench', threads, signal });
    });
    const isSame = body(formatScanTable(lines)) === expected;
    const name = `the job's search, ${threads} ${threads === 1 ? 'thread' : 'threads'}`;
    rows.push([name, seconds(cost.cpu), seconds(cost.wall), (cost.cpu / bare).toFixed(2), isSame ? 'same' : 'DIFFER']);
  }
  return rows;
}

/** Lines of hits, less the columns that count domains by limits that depend on how many hits the program sees. */
function body(table: string): string {
  const lines = table.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return lines.map((line) => line.replace(/( +\d+){2} -$/, '')).join('\n');
}

/** Seconds of CPU, of this process and all that it ran, and on the clock. */
async function measure(work: () => Promise<unknown>): Promise<Cost> {
  const [cpu, wall] = [cpuSeconds(), performance.now()];
  await work();
  return { cpu: cpuSeconds() - cpu, wall: (performance.now() - wall) / 1000 };
}

const TICKS_PER_SECOND = 100;

function cpuSeconds(): number {
  const stat = readFileSync('/proc/self/stat', 'latin1');
  const fields = stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .map(Number);
  // utime, stime, and the same of children that have ended.
  return fields.slice(11, 15).reduce((sum, ticks) => sum + ticks, 0) / TICKS_PER_SECOND;
}
