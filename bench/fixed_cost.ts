import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type BenchClient, jobDone } from './client.js';
import { type Prepared, prepareSample, startAnalysis } from './jobs/prepare.js';
import { printTable, quantile, seconds } from './table.js';

const ROUNDS = 30;
const JOB_ROUNDS = 5;
const READS = join(import.meta.dirname, '..', 'demo', 'single_small.fq.gz');
const FASTA = new Blob([`>host\n${'ACGTTGCATGCA'.repeat(100)}\n`]);

/** From the POST of a job to `running` on a socket, and to its end, on an idle server; a tiny host genome each time. */
export async function benchFixedCost(client: BenchClient): Promise<void> {
  const running: number[] = [];
  const ended: number[] = [];
  const plain: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const fileId = await client.upload('subtraction', FASTA, 'host.fa');
    await sleep(300);
    const asked = performance.now();
    await client.send('GET', '/api/subtractions');
    plain.push(performance.now() - asked);
    const posted = performance.now();
    const { job } = await client.send<{ job: { id: string } }>('POST', '/api/subtractions', {
      subtraction_id: `Host ${round}`,
      file_id: fileId,
    });
    const first = await client.message(
      (m) => m.interface === 'jobs' && m.data.id === job.id && m.data.state === 'running',
    );
    running.push(first.at - posted);
    await jobDone(client, job.id);
    ended.push(performance.now() - posted);
  }
  const row = (what: string, values: number[], goal = '') => [
    what,
    ...[0.5, 0.95, 1].map((share) => quantile(values, share).toFixed(0)),
    (quantile(values, 0.5) / quantile(plain, 0.5)).toFixed(1),
    goal,
  ];
  printTable(
    `Fixed cost of a job, ${ROUNDS} times on an idle server (ms; ratio of medians to a plain request)`,
    ['what', 'p50', 'p95', 'max', 'ratio', 'goal'],
    [
      row('plain request', plain),
      row('POST to running on a socket', running, 'p95 ≤ 250'),
      row('POST to complete (five steps)', ended),
    ],
  );
}

type Step = { programs: { program: string; runs: { seconds: number }[] }[] };
type Analysis = { provenance: { steps: Record<string, Step> } };
type Job = { status: { timestamp: string }[] };

/** What a Pathoscope job of the demo's sample takes beside its tools. */
export async function benchJobOverTools(client: BenchClient, data: string, prepared: Prepared): Promise<void> {
  const sampleId = await prepareSample(client, 'Small', [READS]);
  const rows: [whole: number, tools: number][] = [];
  for (let round = 0; round < JOB_ROUNDS; round += 1) {
    const input = { sampleId, referenceId: prepared.referenceId, algorithm: 'pathoscope_bowtie' } as const;
    const { jobId, analysisId } = await startAnalysis(client, data, input);
    await jobDone(client, jobId);
    const { status } = await client.send<Job>('GET', `/api/jobs/${jobId}`);
    const { provenance } = await client.send<Analysis>('GET', `/api/analyses/${analysisId}`);
    const times = status.map(({ timestamp }) => Date.parse(timestamp));
    rows.push([(Math.max(...times) - Math.min(...times)) / 1000, toolSeconds(Object.values(provenance.steps))]);
  }
  printTable(
    'A Pathoscope job of 10,000 reads beside its tools (seconds from the request to the end)',
    ['round', 'job', 'tools', 'job less tools', 'goal'],
    rows.map(([job, tools], i) => [String(i + 1), seconds(job), seconds(tools), seconds(job - tools), '≤ 2']),
  );
}

/** Tools of one step may run side by side, so only the longest run of each step counts. */
function toolSeconds(steps: readonly Step[]): number {
  const longest = steps.map(({ programs }) => programs.flatMap(({ runs }) => runs.map((run) => run.seconds)));
  return longest.reduce((sum, runs) => sum + Math.max(0, ...runs), 0);
}
