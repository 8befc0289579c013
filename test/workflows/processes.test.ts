import { fileURLToPath } from 'node:url';
import { WorkflowFailedError } from '@temporalio/client';
import { Worker } from '@temporalio/worker';
import { MongoNetworkError } from 'mongodb';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { ActivityDeps } from '../../src/activities/deps.js';
import { createInstallHmmsActivities } from '../../src/activities/hmms/install.js';
import { createCloneReferenceActivities } from '../../src/activities/references/clone.js';
import { createDeleteReferenceActivities } from '../../src/activities/references/delete.js';
import { createImportReferenceActivities } from '../../src/activities/references/import.js';
import { createRemoteReferenceActivities } from '../../src/activities/references/remote_install.js';
import { createUpdateRemoteReferenceActivities } from '../../src/activities/references/remote_update.js';
import { QUEUES } from '../../src/contracts/jobs.js';
import { PROCESS_TYPES, type ProcessType } from '../../src/contracts/processes.js';
import { toStartOptions } from '../../src/contracts/start_options.js';
import { processStart } from '../../src/contracts/workflow_starts.js';
import { createDataDirectory } from '../../src/files/data_directory.js';
import { randomId } from '../../src/store/database/ids.js';
import { newProcess } from '../../src/store/processes.js';
import { testFolder } from '../support/folders.js';
import { untilCancelled } from '../support/job_workers.js';
import { quietLogger } from '../support/logger.js';
import { type TestNamespace, testNamespace } from '../support/namespace.js';
import { requestImport } from '../support/processes.js';
import { insertOtu, otuOf } from '../support/references.js';
import { unreachableServices } from '../support/remote.js';
import { workflowBundlePath } from '../support/servers.js';
import { testStore } from '../support/store.js';
import { waitFor } from '../support/wait.js';

const bad = (name: string) => fileURLToPath(new URL(`../data/bad/reference_${name}.json.gz`, import.meta.url));

let deps: ActivityDeps;
let namespace: TestNamespace;
let stop: () => Promise<void>;
beforeAll(async () => {
  namespace = await testNamespace();
  const { store, dispose } = await testStore();
  deps = { store, data: createDataDirectory('.'), log: quietLogger };
  const worker = await Worker.create({
    connection: namespace.native,
    namespace: namespace.namespace,
    taskQueue: QUEUES.control,
    workflowBundle: { codePath: workflowBundlePath() },
    activities: {
      ...createImportReferenceActivities(deps),
      ...createCloneReferenceActivities(deps),
      ...createDeleteReferenceActivities(deps),
      ...createRemoteReferenceActivities({ ...deps, remote: unreachableServices() }),
      ...createUpdateRemoteReferenceActivities({ ...deps, remote: unreachableServices() }),
      ...createInstallHmmsActivities({ ...deps, remote: unreachableServices() }),
    },
    maxHeartbeatThrottleInterval: '500ms',
  });
  const running = worker.run();
  stop = async () => {
    worker.shutdown();
    await running;
    await dispose();
  };
});
beforeEach(async () => {
  deps.data = createDataDirectory(testFolder());
  await deps.data.create();
});
afterAll(async () => {
  await stop?.();
  await namespace?.dispose();
});

const start = (processId: string, type: ProcessType) => {
  const options = processStart({ _id: processId, type, userId: 'bob' });
  return namespace.client.workflow.start(options.workflowType, toStartOptions(options));
};

test('every process type is a workflow', async () => {
  for (const type of Object.keys(PROCESS_TYPES) as ProcessType[]) await (await start(randomId(), type)).result();
});

/** The steps of a workflow, with how often each may be tried. */
async function attemptsAllowed(workflowId: string): Promise<[step: string, attempts: number][]> {
  const { events } = await namespace.client.workflow.getHandle(workflowId).fetchHistory();
  return (events ?? []).flatMap(({ activityTaskScheduledEventAttributes: step }) =>
    step ? [[step.activityType?.name ?? '', step.retryPolicy?.maximumAttempts ?? 0]] : [],
  );
}

test.each(Object.keys(PROCESS_TYPES) as ProcessType[])('no step of %s is tried without end', async (type) => {
  const process = newProcess(randomId(), type, { ref_id: randomId(), user_id: 'bob' });
  await deps.store.database.transaction((session) => deps.store.processes.insert(process, session));
  const handle = await start(process._id, type);
  await handle.result().catch(() => undefined);
  const steps = await attemptsAllowed(handle.workflowId);
  expect(steps.length).toBeGreaterThan(0);
  for (const [step, attempts] of steps) expect([step, attempts > 0]).toEqual([step, true]);
});

test('an import survives trouble of the database and fills the reference once', async () => {
  const { reference, process } = await requestImport(deps, bad('good'));
  const { insertBatch } = deps.store.otuCopies;
  let failures = 0;
  deps.store.otuCopies.insertBatch = async (...args) => {
    failures += 1;
    // More often than workers may die.
    if (failures <= 4) throw new MongoNetworkError('connection lost');
    return insertBatch(...args);
  };
  await (await start(process._id, 'import_reference')).result();
  deps.store.otuCopies.insertBatch = insertBatch;
  expect(failures).toBe(5);
  expect(await deps.store.processes.get(process._id)).toMatchObject({ complete: true, progress: 1 });
  expect(await deps.store.otus.collection.countDocuments({ 'reference.id': reference._id })).toBe(4);
});

test('an unusable file fails the process with every reason and leaves no reference', async () => {
  const { reference, process } = await requestImport(deps, bad('duplicates'));
  const handle = await start(process._id, 'import_reference');
  await expect(handle.result()).rejects.toThrow(WorkflowFailedError);
  const failed = await deps.store.processes.get(process._id);
  expect(failed?.complete).toBe(false);
  expect(failed?.errors?.map((error) => error.id)).toEqual([
    'duplicate_abbreviations',
    'duplicate_ids',
    'duplicate_isolate_ids',
    'duplicate_names',
    'duplicate_sequence_ids',
  ]);
  expect(await deps.store.references.get(reference._id)).toBeNull();
});

test('a fault of the code ends the process with an error instead of hanging', async () => {
  const { reference, process } = await requestImport(deps, bad('good'));
  const { insertBatch } = deps.store.otuCopies;
  deps.store.otuCopies.insertBatch = async () => {
    throw new TypeError('x is not a function');
  };
  await expect((await start(process._id, 'import_reference')).result()).rejects.toThrow();
  deps.store.otuCopies.insertBatch = insertBatch;
  const failed = await deps.store.processes.get(process._id);
  expect(failed?.errors).toEqual([{ id: 'unhandled', message: 'x is not a function' }]);
  expect(await deps.store.references.get(reference._id)).toBeNull();
});

test('a cancelled import is undone, also what it has written already', async () => {
  const { reference, process } = await requestImport(deps, bad('good'));
  const ofReference = { 'reference.id': reference._id };
  const { insertBatch } = deps.store.otuCopies;
  deps.store.otuCopies.insertBatch = async (...args) => {
    await insertBatch(...args);
    await untilCancelled();
    return true;
  };
  const handle = await start(process._id, 'import_reference');
  await waitFor(() => deps.store.otus.collection.countDocuments(ofReference), 'the first OTUs');
  await handle.cancel();
  await expect(handle.result()).rejects.toThrow(WorkflowFailedError);
  deps.store.otuCopies.insertBatch = insertBatch;
  const stored = await deps.store.processes.get(process._id);
  expect(stored?.errors).toEqual([{ id: 'cancelled', message: 'Cancelled' }]);
  expect(await deps.store.references.get(reference._id)).toBeNull();
  for (const name of ['otus', 'sequences', 'history']) {
    expect(await deps.store.database.db.collection(name).countDocuments(ofReference)).toBe(0);
  }
});

test('a removal waits until the jobs of the reference have ended', async () => {
  const { store } = deps;
  const referenceId = randomId();
  await insertOtu(store, otuOf(referenceId));
  const build = await store.indexBuilds.create({ referenceId, userId: 'bob', cost: { proc: 1, mem: 1 } });
  if (!build.ok) throw new Error(build.reason);
  const process = newProcess(randomId(), 'delete_reference', { ref_id: referenceId, user_id: 'bob' });
  await store.database.transaction((session) => store.processes.insert(process, session));
  const { isInUse } = store.referenceUse;
  let asked = 0;
  store.referenceUse.isInUse = (id) => {
    asked += 1;
    return isInUse(id);
  };
  const handle = await start(process._id, 'delete_reference');
  await waitFor(() => asked >= 2, 'the second question');
  expect(await store.otus.collection.countDocuments({ 'reference.id': referenceId })).toBe(1);
  await store.jobs.close(build.job._id, { state: 'cancelled', error: null });
  await handle.result();
  store.referenceUse.isInUse = isInUse;
  expect(await store.otus.collection.countDocuments({ 'reference.id': referenceId })).toBe(0);
  expect(await store.processes.get(process._id)).toMatchObject({ complete: true });
});
