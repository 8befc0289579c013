import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { BenchClient } from '../client.js';
import type { BenchServer } from '../server.js';
import { type BareCommand, type Job, printSteps, readJob, runBare } from './bare.js';
import { fastqc } from './pathoscope.js';
import { makeSample } from './prepare.js';
import { writeReads } from './reads.js';

const READS = 1_000_000;
const GOAL_OF_SINGLES = 0.35;
const GOAL_OF_PAIRS = 0.45;
const MEMORY_GOAL_MIB = 120;
const TOOL_WORKER = 'worker tools';

/**
 * Samples of a million single reads, and of the given pairs, beside what the original server did for them: a copy, and FastQC on the
 * command line. The memory is that of the tool worker above what it had before.
 */
export async function benchCreateSample(client: BenchClient, server: BenchServer, pairs?: string[]): Promise<void> {
  const single = join(server.folder, 'million.fq.gz');
  await writeReads([single], READS);
  const cases = [
    { what: `${READS} single reads`, reads: [single], goal: GOAL_OF_SINGLES },
    ...(pairs ? [{ what: 'the given pairs', reads: pairs, goal: GOAL_OF_PAIRS }] : []),
  ];
  const jobs: { job: Job; memory: number }[] = [];
  for (const { what, reads } of cases) jobs.push(await runJob(client, server, what, reads));
  // All bare tools at the end: this process answers no pings of the server meanwhile.
  for (const [index, { what, reads, goal }] of cases.entries()) {
    const { job, memory } = jobs[index] as (typeof jobs)[number];
    const work = join(server.folder, `bare ${what}`);
    await mkdir(work, { recursive: true });
    const commands: BareCommand[] = [
      { stage: 'copy_files', argv: ['cp', ...reads, work] },
      { stage: 'fastqc', argv: fastqc(reads, work, String(job.proc)) },
    ];
    printSteps(`create_sample of ${what}, ${job.proc} cores`, job, runBare(commands), goal);
    process.stdout.write(`The tool worker took ${memory.toFixed(0)} MiB more meanwhile, goal ≤ ${MEMORY_GOAL_MIB}.\n`);
  }
}

async function runJob(client: BenchClient, server: BenchServer, what: string, reads: readonly string[]) {
  const before = await server.resident(TOOL_WORKER);
  let highest = before;
  const watch = setInterval(() => {
    void server.resident(TOOL_WORKER).then((memory) => {
      highest = Math.max(highest, memory);
    });
  }, 200);
  const { jobId } = await makeSample(client, `Sample of ${what}`, reads).finally(() => clearInterval(watch));
  return { job: await readJob(client, jobId), memory: highest - before };
}
