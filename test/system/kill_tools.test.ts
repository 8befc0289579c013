import { readdirSync } from 'node:fs';
import { basename } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { TASKS } from '../../src/contracts/jobs.js';
import { type ReleaseServer, startReleaseServer } from '../../src/demo/release_server.js';
import { waitFor } from '../support/wait.js';
import { type Body, type Client, completeJob, demoFile, processEnd, signIn } from './client.js';
import { createHome, type Home, type RunningServer, startServer } from './support.js';
import { analyse, makeSample, makeSubtraction, type Prepared, prepare } from './walk.js';

const LIMIT = { timeout: 300_000 };
// One analysis fills the host, so a share that is not given back would hold up the next job for ever.
const LIMITS = ['--proc=2', '--mem=4', '--lg-proc=2', '--lg-mem=4', '--sm-proc=2', '--sm-mem=4'];

let home: Home;
let releases: ReleaseServer;
let server: RunningServer;
let client: Client;
let prepared: Prepared;

beforeAll(async () => {
  home = createHome();
  releases = await startReleaseServer(demoFile('hmm-small.tar.gz'));
  server = await startServer(home, [...LIMITS, `--github-url=${releases.url}`]);
  client = await signIn(server.url);
  await client.get('/api/hmms/status/release');
  await client.post('/api/hmms/status/updates');
  prepared = await prepare(client);
  const { process } = await client.get('/api/hmms/status');
  expect(await processEnd(client, process.id)).toMatchObject({ complete: true });
}, LIMIT.timeout);

afterAll(async () => {
  client?.close();
  await home?.dispose();
  await releases?.close();
});

const isRunning = (pid: number) => home.tools().some((tool) => tool.pid === pid);

/** The first process of this program that runs. */
async function findTool(program: string): Promise<number> {
  const find = () => home.tools().find(({ command }) => basename(command.split(' ')[0] ?? '').startsWith(program));
  return (await waitFor(find, `${program} to run`, 60_000)).pid;
}

async function kill(program: string): Promise<void> {
  const pid = await findTool(program);
  process.kill(pid, 'SIGKILL');
  await waitFor(() => !isRunning(pid), `${program} to die`);
}

/** The job runs each step once as users see it, and leaves nothing under way. */
async function expectComplete(task: keyof typeof TASKS, id: string): Promise<void> {
  const job = await completeJob(client, id);
  const stages = job.status.map(({ stage }: Body) => stage);
  expect(stages).toEqual([null, ...TASKS[task].steps, TASKS[task].steps.at(-1)]);
  expect(home.tools()).toEqual([]);
  const names = readdirSync(home.dataPath, { recursive: true, encoding: 'utf8' });
  expect(names.filter((name) => name.endsWith('.partial'))).toEqual([]);
}

test('kill -9 of bowtie2-build costs no job', LIMIT, async () => {
  const { job } = await makeSubtraction(client, 'Other host');
  await kill('bowtie2-build-s');
  await expectComplete('create_subtraction', job);
});

test.each([
  ['skewer', 'pathoscope_bowtie'],
  ['bowtie2-align', 'pathoscope_bowtie'],
  ['spades-core', 'nuvs'],
] as const)('kill -9 of %s costs no job', LIMIT, async (program, algorithm) => {
  const sample = await makeSample(client, `Leaf ${program}`);
  await completeJob(client, sample.job);
  const { job } = await analyse(client, { ...prepared, sample: sample.id }, algorithm);
  await kill(program);
  await expectComplete(algorithm, job);
});

// The jobs that wait for the trimmed reads take the host before the one that is to make them starts again.
test('kill -9 of the tool worker while reads are trimmed that other jobs wait for', LIMIT, async () => {
  const sample = await makeSample(client, 'Batch');
  await completeJob(client, sample.job);
  const started = await client.post('/api/analyses/batch', {
    samples: [sample.id],
    references: [prepared.reference],
    workflows: ['pathoscope_bowtie', 'nuvs'],
  });
  const jobs: string[] = started.analyses.map(({ job }: Body) => job.id);
  const another = await analyse(client, { ...prepared, sample: sample.id });
  await waitFor(() => home.hang('skewer').length > 0, 'the trimming', 60_000);
  process.kill(server.child('worker-tools') ?? 0, 'SIGKILL');
  for (const job of [...jobs, another.job]) await completeJob(client, job);
});
