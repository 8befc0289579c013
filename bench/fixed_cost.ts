import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { type BenchClient, jobDone, type Message } from './client.js';
import { type Prepared, prepareSample, startAnalysis } from './jobs/prepare.js';
import { printTable, quantile, seconds } from './table.js';

const ROUNDS = 30;
const JOB_ROUNDS = 5;
const READS = join(import.meta.dirname, '..', 'demo', 'single_small.fq.gz');
const HOST = `>host\n${'ACGTTGCATGCA'.repeat(100)}\n`;
const FASTA = new Blob([HOST]);
const KIND_ROUNDS = 15;
const PAUSE_MS = 300;

type Made = { job: { id: string } };

function isJobOf(message: Message, task: string, since: number): boolean {
  return message.interface === 'jobs' && message.at >= since && message.data.task === task;
}

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

type Kind = {
  name: string;
  /** Makes all that the POST needs, and posts it; the id of the job. */
  post(round: number): Promise<{ jobId: string; posted: number }>;
  /** The commands of the job's tools. */
  tools: readonly (readonly string[])[];
};

/**
 * What a job of each kind takes beside its tools, from its POST to its end, on an idle server with tiny inputs. After
 * each job its tools run bare; a sample needs none but a copy.
 */
export async function benchFixedCostByKind(client: BenchClient, folder: string): Promise<void> {
  const kinds = [subtractionKind(client, folder), await sampleKind(client, folder), await indexKind(client, folder)];
  const rows: string[][] = [];
  let all = 0;
  for (const { name, post, tools } of kinds) {
    const jobs: number[] = [];
    const bare: number[] = [];
    for (let round = 0; round < KIND_ROUNDS; round += 1) {
      const { jobId, posted } = await post(round);
      await jobDone(client, jobId);
      jobs.push((performance.now() - posted) / 1000);
      const startedAt = performance.now();
      for (const [program = '', ...args] of tools) await promisify(execFile)(program, args);
      bare.push((performance.now() - startedAt) / 1000);
    }
    const [job, alone] = [quantile(jobs, 0.5), quantile(bare, 0.5)];
    all += job - alone;
    rows.push([name, seconds(job), seconds(alone), seconds(job - alone), '≤ 0.35']);
  }
  rows.push(['sum', '', '', seconds(all), `≤ ${(0.35 * kinds.length).toFixed(2)}`]);
  printTable(
    `Fixed cost by kind of job, medians of ${KIND_ROUNDS} on an idle server (seconds from the POST to complete)`,
    ['job', 'whole', 'bare tools', 'fixed cost', 'goal'],
    rows,
  );
}

function subtractionKind(client: BenchClient, folder: string): Kind {
  const fasta = join(folder, 'bare_host.fa');
  writeFileSync(fasta, HOST);
  return {
    name: 'subtraction',
    async post(round) {
      const fileId = await client.upload('subtraction', FASTA, 'host.fa');
      await sleep(PAUSE_MS);
      const posted = performance.now();
      const body = { subtraction_id: `Kind ${round}`, file_id: fileId };
      const { job } = await client.send<Made>('POST', '/api/subtractions', body);
      return { jobId: job.id, posted };
    },
    tools: [
      ['bowtie2-build', '-f', fasta, join(folder, 'bare')],
      ['pigz', '-c', fasta],
    ],
  };
}

async function sampleKind(client: BenchClient, folder: string): Promise<Kind> {
  const fileId = await client.upload('subtraction', FASTA, 'host.fa');
  const body = { subtraction_id: 'Host of samples', file_id: fileId };
  const { job } = await client.send<Made>('POST', '/api/subtractions', body);
  await jobDone(client, job.id);
  const reads = join(folder, 'bare_reads.fq');
  writeFileSync(reads, `@read\n${'ACGT'.repeat(25)}\n+\n${'I'.repeat(100)}\n`.repeat(20));
  return {
    name: 'sample',
    async post(round) {
      const upload = await client.upload('reads', reads, 'reads.fq');
      await sleep(PAUSE_MS);
      const posted = performance.now();
      const name = `Kind ${round}`;
      await client.send('POST', '/api/samples', { name, subtraction: body.subtraction_id, files: [upload] });
      // The answer does not name the job.
      const { data } = await client.message((m) => isJobOf(m, 'create_sample', posted));
      return { jobId: String(data.id), posted };
    },
    tools: [['cp', reads, join(folder, 'bare_copy.fq')]],
  };
}

async function indexKind(client: BenchClient, folder: string): Promise<Kind> {
  const reference = await client.send<{ id: string }>('POST', '/api/refs', { name: 'Tiny', data_type: 'genome' });
  const otu = await client.send<{ id: string }>('POST', `/api/refs/${reference.id}/otus`, { name: 'Tiny virus' });
  const isolates = `/api/otus/${otu.id}/isolates`;
  const isolate = await client.send<{ id: string }>('POST', isolates, { source_type: 'isolate', source_name: 'A' });
  await client.send('POST', `${isolates}/${isolate.id}/sequences`, {
    ...{ accession: 'AB1', definition: 'Tiny' },
    sequence: 'ACGTTGCATGCA'.repeat(100),
  });
  const fasta = join(folder, 'bare_index.fa');
  writeFileSync(fasta, HOST);
  return {
    name: 'index',
    async post(round) {
      await client.send('PATCH', `/api/otus/${otu.id}`, { abbreviation: `T${round}` });
      await sleep(PAUSE_MS);
      const posted = performance.now();
      const { job } = await client.send<Made>('POST', `/api/refs/${reference.id}/indexes`);
      return { jobId: job.id, posted };
    },
    tools: [['bowtie2-build', '-f', fasta, join(folder, 'bare')]],
  };
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
