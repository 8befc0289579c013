import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { WorkflowFailedError } from '@temporalio/client';
import { Worker } from '@temporalio/worker';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { QUEUES } from '../../src/contracts/jobs.js';
import type { ProcessType } from '../../src/contracts/processes.js';
import { toStartOptions } from '../../src/contracts/start_options.js';
import { processStart } from '../../src/contracts/workflow_starts.js';
import { untilCancelled } from '../support/job_workers.js';
import { type TestNamespace, testNamespace } from '../support/namespace.js';
import { sendJson } from '../support/release_server.js';
import { changedFile, contentOf, publish, type RemoteLab, remoteLab } from '../support/remote_references.js';
import { workflowBundlePath } from '../support/servers.js';
import { waitFor } from '../support/wait.js';

/** Four OTUs with fifteen sequences. */
const FILE = fileURLToPath(new URL('../data/bad/reference_good.json.gz', import.meta.url));

let lab: RemoteLab;
let namespace: TestNamespace;
let stop: () => Promise<void>;
beforeAll(async () => {
  [namespace, lab] = await Promise.all([testNamespace(), remoteLab()]);
  const worker = await Worker.create({
    connection: namespace.native,
    namespace: namespace.namespace,
    taskQueue: QUEUES.control,
    workflowBundle: { codePath: workflowBundlePath() },
    activities: lab.activities,
    maxHeartbeatThrottleInterval: '500ms',
  });
  const running = worker.run();
  stop = async () => {
    worker.shutdown();
    await running;
    await lab.dispose();
  };
});
beforeEach(() => publish(lab.server, ['v1.4.0', FILE]));
afterAll(async () => {
  await stop?.();
  await namespace?.dispose();
});

const start = (processId: string, type: ProcessType) => {
  const options = processStart({ _id: processId, type, userId: 'bob' });
  return namespace.client.workflow.start(options.workflowType, toStartOptions(options));
};
const reference = (id: string) => lab.get(`/api/refs/${id}`);
const downloads = () => readdirSync(join(lab.data.root, 'downloads'));

async function install(): Promise<string> {
  const { id, process } = await lab.create();
  await (await start(process.id, 'remote_reference')).result();
  return id;
}

/** Asks for the update to a release with a changed OTU. */
async function beginUpdate(id: string, name = 'v1.5.0') {
  const next = changedFile(FILE, ({ otus }) => {
    otus[0].name = `${otus[0].name} renamed`;
    otus.pop();
  });
  publish(lab.server, [name, next]);
  await lab.get(`/api/refs/${id}/release`);
  await lab.send('bob', 'POST', `/api/refs/${id}/updates`, {});
  const processId: string = (await reference(id)).process.id;
  return { processId, next, handle: await start(processId, 'update_remote_reference') };
}

test('an installation and an update run to their ends, and a cut download is done again', async () => {
  const answer = lab.server.respond;
  let cuts = 0;
  lab.server.respond = (request, response) => {
    if (!request.url?.startsWith('/files/') || cuts >= 2) return answer(request, response);
    cuts += 1;
    response.writeHead(200, { 'Content-Length': String(readFileSync(FILE).length) });
    response.write(readFileSync(FILE).subarray(0, 100), () => response.destroy());
  };
  const id = await install();
  expect(cuts).toBe(2);
  expect(await contentOf(lab.store, id)).toEqual(await lab.imported(FILE));
  const { processId, next, handle } = await beginUpdate(id);
  await handle.result();
  expect(await lab.store.processes.get(processId)).toMatchObject({ complete: true, step: 'update_reference' });
  expect(await contentOf(lab.store, id)).toEqual(await lab.imported(next));
  expect(downloads()).toEqual([]);
});

test('a release whose file is gone fails the process, and the new reference goes', async () => {
  const { id, process } = await lab.create();
  lab.server.respond = (_, response) => sendJson(response, 404, {});
  await expect((await start(process.id, 'remote_reference')).result()).rejects.toThrow(WorkflowFailedError);
  expect(await lab.store.references.get(id)).toBeNull();
  expect(await lab.get(`/api/processes/${process.id}`)).toMatchObject({
    ...{ complete: false, errors: ['Could not download reference data'] },
  });
});

test('an update whose file is gone fails, and the next one can begin', async () => {
  const id = await install();
  const before = await contentOf(lab.store, id);
  lab.server.respond = (request, response) => {
    if (request.url?.startsWith('/files/')) sendJson(response, 404, {});
  };
  const answer = lab.server.respond;
  publish(lab.server, ['v1.5.0', FILE]);
  await lab.get(`/api/refs/${id}/release`);
  await lab.send('bob', 'POST', `/api/refs/${id}/updates`, {});
  lab.server.respond = answer;
  const processId = (await reference(id)).process.id;
  await expect((await start(processId, 'update_remote_reference')).result()).rejects.toThrow(WorkflowFailedError);
  const message = 'Could not download reference data';
  expect(await lab.get(`/api/processes/${processId}`)).toMatchObject({ errors: [{ id: 'download_error', message }] });
  expect(await reference(id)).toMatchObject({ updating: false, updates: [{ ready: true }, { error: message }] });
  expect(await contentOf(lab.store, id)).toEqual(before);
  await (await beginUpdate(id, 'v1.6.0')).handle.result();
  expect(await reference(id)).toMatchObject({ installed: { name: 'v1.6.0' }, otu_count: 3 });
});

test('a cancelled update is undone, also what it has written already', async () => {
  const id = await install();
  const before = await contentOf(lab.store, id);
  const { mirrorBatch } = lab.store.otuMirrors;
  lab.store.otuMirrors.mirrorBatch = async (...args) => {
    await mirrorBatch(...args);
    await untilCancelled();
    return true;
  };
  const { processId, handle } = await beginUpdate(id);
  const changes = { 'reference.id': id, method_name: 'update' } as object;
  await waitFor(() => lab.store.history.collection.countDocuments(changes), 'the first change');
  await handle.cancel();
  await expect(handle.result()).rejects.toThrow(WorkflowFailedError);
  lab.store.otuMirrors.mirrorBatch = mirrorBatch;
  expect(await contentOf(lab.store, id)).toEqual(before);
  expect(await lab.store.processes.get(processId)).toMatchObject({
    errors: [{ id: 'cancelled', message: 'Cancelled' }],
  });
  expect(await reference(id)).toMatchObject({ updating: false, unbuilt_change_count: 4 });
  expect(downloads()).toEqual([]);
});

test('a reference that is removed while it is updated goes with everything', async () => {
  const id = await install();
  const { mirrorBatch } = lab.store.otuMirrors;
  lab.store.otuMirrors.mirrorBatch = async (...args) => {
    await mirrorBatch(...args);
    await untilCancelled();
    return true;
  };
  const { handle } = await beginUpdate(id);
  const changes = { 'reference.id': id, method_name: 'update' } as object;
  await waitFor(() => lab.store.history.collection.countDocuments(changes), 'the first change');
  expect(await lab.store.referenceUse.isInUse(id)).toBe(true);
  await lab.send('head', 'DELETE', `/api/refs/${id}`);
  await handle.cancel();
  await expect(handle.result()).rejects.toThrow(WorkflowFailedError);
  lab.store.otuMirrors.mirrorBatch = mirrorBatch;
  expect(await lab.store.referenceUse.isInUse(id)).toBe(false);
  expect(downloads()).toEqual([]);
});
