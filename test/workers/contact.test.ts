import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ApplicationFailure } from '@temporalio/common';
import { NativeConnection } from '@temporalio/worker';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createStep } from '../../src/activities/steps/step.js';
import { toStartOptions } from '../../src/contracts/start_options.js';
import { jobStart } from '../../src/contracts/workflow_starts.js';
import { publishFile } from '../../src/files/publish.js';
import { runTool } from '../../src/tools/runner.js';
import { type JobWorkers, startJobWorkers } from '../support/job_workers.js';
import { quietLogger } from '../support/logger.js';
import { type TestNamespace, testNamespace } from '../support/namespace.js';
import { type TestStore, testStore } from '../support/store.js';
import { startTcpProxy, type TcpProxy } from '../support/tcp_proxy.js';
import { waitFor } from '../support/wait.js';
import { living, pidsIn } from '../tools/support.js';

const LIMIT = { timeout: 60_000 };
const limits = { host: { proc: 2, mem: 8 }, large: { proc: 2, mem: 8 }, small: { proc: 2, mem: 4 } };
const STEPS = ['makeSubtractionDir', 'unpackSubtraction', 'setSubtractionStats', 'buildSubtractionIndex'];
const ENDS = ['finishCreateSubtraction', 'undoCreateSubtraction'];

let namespace: TestNamespace;
let database: TestStore;
let proxy: TcpProxy;
let connection: NativeConnection;
let workers: JobWorkers;
beforeAll(async () => {
  [namespace, database] = await Promise.all([testNamespace(), testStore()]);
  proxy = await startTcpProxy(namespace.address);
  connection = await NativeConnection.connect({ address: proxy.address });
  const names = { steps: [...STEPS, 'compressSubtraction'], ends: ENDS };
  const times = { everyMs: 200, limitMs: 2_000 };
  workers = await startJobWorkers(namespace, names, (input) => unpack(input), limits, { connection, times });
});
afterAll(async () => {
  proxy?.mend();
  await workers?.stop();
  await connection?.close();
  await proxy?.close();
  await Promise.all([namespace?.dispose(), database?.dispose()]);
});

/** Where the attempts of the moment write. */
let folder = '';
const at = (name: string) => join(folder, name);

/**
 * Each step but `unpack` does nothing. The first attempt at that writes until it is stopped, and wants to publish all the same; the
 * second one only publishes.
 */
const unpack = (input: Parameters<ReturnType<ReturnType<typeof createStep>>>[0]) =>
  createStep({ ...database, log: quietLogger })(async ({ attempt, signal }) => {
    if (input.stage !== 'unpack') return;
    await writeFile(at(attempt), `attempt ${attempt}`);
    if (!existsSync(at('pids'))) {
      const text = 'echo $$ >> pids; while :; do date >> written; sleep 0.05; done';
      await runTool({ argv: ['sh', '-c', text] }, { signal, cwd: folder }).catch(() => undefined);
    }
    await publishFile(at(attempt), at('result'));
  })(input);

async function startJob(id: string) {
  folder = join(database.data.root, id);
  await mkdir(folder);
  const { store } = database;
  const job = { _id: id, task: 'create_subtraction', args: { subtraction_id: id }, proc: 2, mem: 4, userId: 'ann' };
  const start = jobStart(await store.database.transaction((session) => store.jobs.insert(job, session)));
  return namespace.client.workflow.start(start.workflowType, toStartOptions(start));
}

type Handle = Awaited<ReturnType<typeof startJob>>;
const pendingOf = async (handle: Handle) => (await handle.describe()).raw.pendingActivities?.[0];
const toolRuns = () => living(pidsIn(at('pids'))).length === 1;
const toolIsDead = () => existsSync(at('pids')) && living(pidsIn(at('pids'))).length === 0;

test('a host without contact ends its tools and publishes nothing before its step is given away', LIMIT, async () => {
  const handle = await startJob('cut');
  await waitFor(toolRuns, 'the tool to run');
  proxy.cut();
  await waitFor(toolIsDead, 'the tool to be ended');
  await waitFor(() => workers.budget.inUse().proc === 0, 'the share to be given back');
  expect(existsSync(at('result'))).toBe(false);
  // For Temporal the first attempt still runs.
  expect(await pendingOf(handle)).toMatchObject({ attempt: 1 });
  proxy.mend();
  await handle.result();
  expect(await readFile(at('result'), 'utf8')).toMatch(/^attempt [2-9]-/);
});

test('a host whose step was given away ends its tools', LIMIT, async () => {
  const handle = await startJob('taken');
  await waitFor(toolRuns, 'the tool to run');
  const activityId = (await pendingOf(handle))?.activityId ?? '';
  const failure = ApplicationFailure.retryable('taken over', 'WorkerRestart');
  await namespace.client.activity.fail({ workflowId: handle.workflowId, activityId }, failure);
  await waitFor(toolIsDead, 'the tool to be ended');
  await handle.result();
  expect(await readFile(at('result'), 'utf8')).toMatch(/^attempt [2-9]-/);
});
