import { createReadStream, readdirSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { WorkflowFailedError } from '@temporalio/client';
import { Worker } from '@temporalio/worker';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { ActivityDeps } from '../../src/activities/deps.js';
import { createInstallHmmsActivities, createInstallHmmsTools } from '../../src/activities/hmms/install.js';
import { QUEUES } from '../../src/contracts/jobs.js';
import { toStartOptions } from '../../src/contracts/start_options.js';
import { processStart } from '../../src/contracts/workflow_starts.js';
import { createDataDirectory } from '../../src/files/data_directory.js';
import { createRemoteServices } from '../../src/remote/index.js';
import { HostBudget } from '../../src/workers/budget.js';
import { createGate } from '../../src/workers/gate.js';
import { testFolder } from '../support/folders.js';
import { beginInstall, releaseAnswer } from '../support/hmms.js';
import { quietLogger } from '../support/logger.js';
import { type TestNamespace, testNamespace } from '../support/namespace.js';
import { type ReleaseServer, sendJson, startReleaseServer } from '../support/release_server.js';
import { workflowBundlePath } from '../support/servers.js';
import { testStore } from '../support/store.js';
import { waitFor } from '../support/wait.js';

const ARCHIVE = fileURLToPath(new URL('../data/bad/hmm_good.tar.gz', import.meta.url));
const COST = { proc: 1, mem: 1 };

let deps: ActivityDeps;
let server: ReleaseServer;
let namespace: TestNamespace;
let budget: HostBudget;
let stop: () => Promise<void>;
beforeAll(async () => {
  namespace = await testNamespace();
  server = await startReleaseServer();
  const { store, dispose } = await testStore();
  deps = { store, data: createDataDirectory('.'), log: quietLogger };
  const addresses = { githubUrl: server.url, softwareUrl: server.url, blastUrl: server.url, genbankUrl: server.url };
  const remote = createRemoteServices({ userAgent: 'test' }, addresses);
  budget = new HostBudget({ host: COST, large: COST, small: COST });
  const common = {
    connection: namespace.native,
    namespace: namespace.namespace,
    maxHeartbeatThrottleInterval: '500ms',
  };
  const workers = await Promise.all([
    Worker.create({
      ...common,
      taskQueue: QUEUES.control,
      workflowBundle: { codePath: workflowBundlePath() },
      activities: createInstallHmmsActivities(Object.assign(deps, { remote })),
    }),
    Worker.create({
      ...common,
      taskQueue: QUEUES.small,
      activities: createInstallHmmsTools(deps),
      interceptors: { activity: [createGate({ budget, hostQueue: 'tools-test' })] },
    }),
  ]);
  const running = Promise.all(workers.map((worker) => worker.run()));
  stop = async () => {
    for (const worker of workers) worker.shutdown();
    await running;
    await dispose();
    await server.close();
  };
});
beforeEach(async () => {
  deps.data = createDataDirectory(testFolder());
  await deps.data.create();
  for (const name of ['hmm', 'status', 'processes']) await deps.store.database.db.collection(name).deleteMany({});
  server.respond = (_, response) => void createReadStream(ARCHIVE).pipe(response);
});
afterAll(async () => {
  await stop?.();
  await namespace?.dispose();
});

async function start() {
  const answer = releaseAnswer('v1.0.0', { size: statSync(ARCHIVE).size, download_url: `${server.url}/hmm.tar.gz` });
  const processId = await beginInstall(deps.store, answer);
  const options = processStart({ _id: processId, type: 'install_hmms', userId: 'bob' });
  const handle = await namespace.client.workflow.start(options.workflowType, toStartOptions(options));
  return { processId, handle };
}

const visible = async () => (await deps.store.hmms.list(undefined, { page: 1, perPage: 25 })).total_count;

test('an installation waits for the host, and gives it back', async () => {
  const lease = await budget.acquire('another job', COST, new AbortController().signal);
  const { processId, handle } = await start();
  await waitFor(() => budget.inUse().waiting === 1, 'the installation at the gate');
  expect(await visible()).toBe(0);
  lease.release({ keep: false });
  await handle.result();
  expect(await visible()).toBe(3);
  expect(budget.inUse()).toEqual({ proc: 0, mem: 0, waiting: 0 });
  expect(await deps.store.processes.get(processId)).toMatchObject({ complete: true, progress: 1 });
});

test('a service that is away for a moment is asked again', async () => {
  let asked = 0;
  server.respond = (_, response) => {
    asked += 1;
    if (asked === 1) sendJson(response, 503, {});
    else createReadStream(ARCHIVE).pipe(response);
  };
  await (await start()).handle.result();
  expect(asked).toBe(2);
  expect(await visible()).toBe(3);
});

test('a release that is gone fails the process and lets the next installation begin', async () => {
  server.respond = (_, response) => sendJson(response, 404, {});
  const { processId, handle } = await start();
  await expect(handle.result()).rejects.toThrow(WorkflowFailedError);
  const errors = [{ id: 'download', message: 'Could not download HMM data' }];
  expect(await deps.store.processes.get(processId)).toMatchObject({ complete: false, errors });
  expect((await deps.store.hmmStatus.get()).process).toBeNull();
  server.respond = (_, response) => void createReadStream(ARCHIVE).pipe(response);
  await (await start()).handle.result();
  expect(await visible()).toBe(3);
});

test('a cancelled installation ends its download and leaves nothing', async () => {
  server.respond = (_, response) => void response.write('begun');
  const { processId, handle } = await start();
  await waitFor(() => readdirSync(deps.data.hmm).includes('incoming'), 'the download');
  await handle.cancel();
  await expect(handle.result()).rejects.toThrow(WorkflowFailedError);
  const errors = [{ id: 'cancelled', message: 'Cancelled' }];
  expect(await deps.store.processes.get(processId)).toMatchObject({ complete: false, errors });
  expect(readdirSync(deps.data.hmmIncoming)).toEqual([]);
});
