import { readdirSync } from 'node:fs';
import { Connection, Client as TemporalClient } from '@temporalio/client';
import { MongoClient } from 'mongodb';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { jobWorkflowId, TASKS } from '../../src/contracts/jobs.js';
import { waitFor } from '../support/wait.js';
import { type Body, type Client, completeJob, jobWhen, lastState, signIn } from './client.js';
import { createHome, type Home, type RunningServer, runCommand, startServer } from './support.js';
import { analyse, type Prepared, prepare } from './walk.js';

const LIMIT = { timeout: 120_000 };
// Pathoscope fills the host, so a share that is not given back would hold up the next job for ever.
const LIMITS = ['--proc=2', '--mem=4', '--lg-proc=2', '--lg-mem=4', '--sm-proc=2', '--sm-mem=4'];
const RECOVERY_LIMIT_MS = 60_000;

let home: Home;
let server: RunningServer;
let client: Client;
let prepared: Prepared;
let undisturbed: unknown;

beforeAll(async () => {
  home = createHome();
  server = await startServer(home, LIMITS);
  client = await signIn(server.url);
  prepared = await prepare(client);
  const { id, job } = await analyse(client, prepared);
  await completeJob(client, job);
  undisturbed = await readResults(id);
}, LIMIT.timeout);

afterAll(async () => {
  client?.close();
  await home?.dispose();
});

async function readResults(id: string): Promise<unknown> {
  const mongo = await MongoClient.connect(server.mongoUrl);
  try {
    const analysis = await mongo
      .db('virtool')
      .collection<{ _id: string; provenance: Body }>('analyses')
      .findOne({ _id: id });
    if (!analysis) return analysis;
    // Of the steps what they left counts, not how long they took.
    const { steps, ...provenance } = analysis.provenance;
    const left = Object.entries(steps as Body).map(([step, { outputs }]: Body) => [step, outputs]);
    return { ...analysis, _id: undefined, created_at: undefined, job: undefined, provenance: { ...provenance, left } };
  } finally {
    await mongo.close();
  }
}

/** Starts Pathoscope and waits until the aligner of `map_isolates` runs. */
async function startMapping(): Promise<{ id: string; job: string }> {
  const analysis = await analyse(client, prepared);
  await jobWhen(client, analysis.job, (job) => job.status.at(-1).stage === 'map_isolates', 'map_isolates');
  await waitFor(() => home.tools().some(({ command }) => /bowtie2-align/.test(command)), 'the aligner');
  return analysis;
}

function childOf(name: string): number {
  const pid = server.child(name);
  if (pid === undefined) throw new Error(`${name} does not run`);
  return pid;
}

/** The job when it has ended; answers that fail meanwhile are asked for again. */
function endInSpiteOfAll(job: string): Promise<Body> {
  return waitFor(
    async () => {
      const answer = await client.send('GET', `/api/jobs/${job}`).catch(() => undefined);
      return answer?.status === 200 && !['waiting', 'running'].includes(lastState(answer.body))
        ? answer.body
        : undefined;
    },
    'the job to end',
    RECOVERY_LIMIT_MS,
  );
}

async function expectUndisturbed({ id, job }: { id: string; job: string }): Promise<void> {
  const ended = await endInSpiteOfAll(job);
  const steps = TASKS.pathoscope_bowtie.steps.map((step) => ['running', step]);
  const entries = ended.status.map(({ state, stage }: Body) => [state, stage]);
  expect(entries).toEqual([['waiting', null], ...steps, ['complete', steps.at(-1)?.[1]]]);
  expect(await readResults(id)).toEqual(undisturbed);
  expect(home.tools()).toEqual([]);
  const names = readdirSync(home.dataPath, { recursive: true, encoding: 'utf8' });
  expect(names.filter((name) => name.endsWith('.partial'))).toEqual([]);
}

test('kill -9 of the tool worker takes its tools along, also one that hangs, and the job goes on', LIMIT, async () => {
  const analysis = await startMapping();
  const hanging = home.hang('bowtie2-align');
  process.kill(childOf('worker-tools'), 'SIGKILL');
  await waitFor(() => !home.tools().some(({ pid }) => hanging.includes(pid)), 'the aligner to die with its worker');
  await expectUndisturbed(analysis);
});

/** Waits until Temporal has handed a step of the job to a worker. */
async function untilHandedOut(job: string): Promise<void> {
  const connection = await Connection.connect({ address: server.temporalAddress });
  const handle = new TemporalClient({ connection }).workflow.getHandle(jobWorkflowId(job));
  try {
    await waitFor(async () => {
      // The API answers before it has started the workflow.
      const description = await handle.describe().catch(() => undefined);
      return description?.raw.pendingActivities?.some(({ lastStartedTime }) => lastStartedTime);
    }, 'a step to be handed out');
  } finally {
    await connection.close();
  }
}

// Only Temporal knows of the step then: nothing that the worker writes down could help.
test('kill -9 of the tool worker before it knows of a step that it was handed costs no time', LIMIT, async () => {
  const pid = childOf('worker-tools');
  process.kill(pid, 'SIGSTOP');
  const analysis = await analyse(client, prepared);
  await untilHandedOut(analysis.job);
  process.kill(pid, 'SIGKILL');
  await expectUndisturbed(analysis);
});

// It would take up the steps of the first one, which still runs them.
test('a second tool worker of the same host is refused, and the first one goes on', LIMIT, async () => {
  const analysis = await startMapping();
  const pid = childOf('worker-tools');
  const options = [`--db=${server.mongoUrl}`, `--temporal-address=${server.temporalAddress}`, ...LIMITS];
  const ended = await runCommand(home, ['worker', 'tools'], options);
  expect(ended).toMatchObject({
    code: 78,
    stderr: expect.stringContaining(`Process ${pid} is the tool worker of this`),
  });
  expect(childOf('worker-tools')).toBe(pid);
  await expectUndisturbed(analysis);
});

// It would put in order what the first one works on.
test('a second control worker of the same data directory is refused, also with another database', LIMIT, async () => {
  const pid = childOf('worker-control');
  for (const database of ['--db-name=virtool', '--db-name=other']) {
    const options = [`--db=${server.mongoUrl}`, `--temporal-address=${server.temporalAddress}`, database];
    const ended = await runCommand(home, ['worker', 'control'], options);
    expect(ended).toMatchObject({
      code: 78,
      stderr: expect.stringContaining(`Process ${pid} is the control worker of the data directory`),
    });
  }
  expect(childOf('worker-control')).toBe(pid);
});

test('a worker of another installation is refused in the same namespace of Temporal', LIMIT, async () => {
  const other = createHome();
  const options = [`--db=${server.mongoUrl}`, `--temporal-address=${server.temporalAddress}`, '--db-name=other'];
  try {
    for (const kind of ['control', 'tools']) {
      const ended = await runCommand(other, ['worker', kind], options);
      expect(ended).toMatchObject({ code: 78, stderr: expect.stringContaining('belongs to another installation') });
    }
  } finally {
    await other.dispose();
  }
});

test.each(['worker-control', 'api', 'temporal', 'mongodb'])(
  'kill -9 of %s in the middle of a step costs no job and changes no result',
  LIMIT,
  async (name) => {
    const analysis = await startMapping();
    const pid = childOf(name);
    process.kill(pid, 'SIGKILL');
    await waitFor(() => ![undefined, pid].includes(server.child(name)), `${name} to be started again`);
    await expectUndisturbed(analysis);
  },
);

test('kill -9 of the supervisor ends everything, and the next start goes on with the job', LIMIT, async () => {
  const analysis = await startMapping();
  process.kill(server.pid, 'SIGKILL');
  await waitFor(() => home.processes().length === 0, 'everything to die with the supervisor');
  server = await startServer(home, LIMITS);
  client.close();
  client = await signIn(server.url);
  await expectUndisturbed(analysis);
});

test('after all that the next job completes, and the server ends in order', LIMIT, async () => {
  const { id, job } = await analyse(client, prepared);
  await expectUndisturbed({ id, job });
  expect((await server.stop()).code).toBe(0);
  expect(home.processes()).toEqual([]);
});
