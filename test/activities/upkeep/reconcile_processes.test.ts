import { afterEach, beforeEach, expect, test } from 'vitest';
import type { ActivityDeps, WorkflowState } from '../../../src/activities/deps.js';
import { reconcileProcesses } from '../../../src/activities/upkeep/reconcile_processes.js';
import type { ProcessType } from '../../../src/contracts/processes.js';
import type { WorkflowStart } from '../../../src/contracts/workflow_starts.js';
import { randomId } from '../../../src/store/database/ids.js';
import { newProcess, type ProcessDocument } from '../../../src/store/processes.js';
import { annotationOf, beginInstall } from '../../support/hmms.js';
import { insertOtu, otuOf, referenceOf } from '../../support/references.js';
import { contentOf, NEW_RELEASE, OLD_RELEASE, publish, remoteLab } from '../../support/remote_references.js';
import { testRound } from '../../support/round.js';
import { testActivityDeps } from '../../support/store.js';

let deps: ActivityDeps;
let dispose: () => Promise<void>;
beforeEach(async () => {
  ({ deps, dispose } = await testActivityDeps());
});
afterEach(() => dispose());

const A_MINUTE_AGO = new Date(Date.now() - 60_000);

async function insertProcess(type: ProcessType, changes: Partial<ProcessDocument> = {}): Promise<string> {
  const reference = referenceOf();
  const context = { ref_id: reference._id, user_id: 'bob' };
  const process = { ...newProcess(randomId(), type, context), created_at: A_MINUTE_AGO, ...changes };
  await deps.store.references.insert(reference);
  await insertOtu(deps.store, otuOf(reference._id));
  await deps.store.database.transaction((session) => deps.store.processes.insert(process, session));
  return process._id;
}

async function reconcile(state: WorkflowState, { store, data, log }: ActivityDeps = deps) {
  const started: WorkflowStart[] = [];
  const workflows = {
    running: async () => new Set<string>(),
    state: async () => state,
    start: async (start: WorkflowStart) => void started.push(start),
    cancel: async () => undefined,
  };
  return { result: await reconcileProcesses({ store, data, log, workflows }, testRound()), started };
}

test('what Temporal does not know is started, but for what was asked for just now or has ended', async () => {
  const lost = await insertProcess('clone_reference');
  await insertProcess('import_reference', { created_at: new Date() });
  await insertProcess('import_reference', { complete: true });
  await insertProcess('import_reference', { errors: [{ id: 'json_error', message: '' }] });
  const { result, started } = await reconcile('unknown');
  expect(result).toEqual({ started: 1, closed: 0 });
  expect(started).toMatchObject([{ workflowType: 'clone_reference', workflowId: `process-${lost}` }]);
});

test('what runs is left alone', async () => {
  await insertProcess('import_reference');
  expect((await reconcile('running')).result).toEqual({ started: 0, closed: 0 });
});

test('what was ended in Temporal fails, and a half-made reference goes', async () => {
  const imported = await insertProcess('import_reference');
  const removal = await insertProcess('delete_reference');
  expect((await reconcile('closed')).result).toEqual({ started: 0, closed: 2 });
  for (const id of [imported, removal]) {
    expect((await deps.store.processes.get(id))?.errors).toMatchObject([{ id: 'unhandled' }]);
  }
  const process = await deps.store.processes.get(imported);
  const filter = { 'reference.id': process?.context.ref_id ?? '' };
  expect(await deps.store.otus.collection.countDocuments(filter)).toBe(0);
  expect(await deps.store.references.get(process?.context.ref_id ?? '')).toBeNull();
});

test('an installation of HMM data that was ended in Temporal fails, and leaves the way free for the next', async () => {
  const processId = await beginInstall(deps.store);
  await deps.store.hmms.stage(processId, [annotationOf(1)]);
  await deps.store.processes.collection.updateOne({ _id: processId }, { $set: { created_at: A_MINUTE_AGO } });
  expect((await reconcile('closed')).result).toEqual({ started: 0, closed: 1 });
  expect((await deps.store.processes.get(processId))?.errors).toMatchObject([{ id: 'unhandled' }]);
  expect(await deps.store.hmms.collection.countDocuments()).toBe(0);
  expect(await beginInstall(deps.store)).not.toBe(processId);
});

test('an update of a remote reference that was ended in Temporal is taken back', async () => {
  const lab = await remoteLab();
  const id = await lab.install(OLD_RELEASE);
  const before = await contentOf(lab.store, id);
  publish(lab.server, ['v1.5.0', NEW_RELEASE]);
  const processId = await lab.beginUpdate(id);
  const { publish: publishUpdate } = lab.store.remoteReferences;
  lab.store.remoteReferences.publish = async () => {
    throw Object.assign(new Error('lost'), { code: 'ECONNRESET' });
  };
  await expect(lab.runUpdate(processId)).rejects.toThrow('lost');
  lab.store.remoteReferences.publish = publishUpdate;
  await lab.store.processes.collection.updateOne({ _id: processId }, { $set: { created_at: A_MINUTE_AGO } });
  const { result } = await reconcile('closed', lab.deps);
  expect(result).toEqual({ started: 0, closed: 1 });
  expect(await contentOf(lab.store, id)).toEqual(before);
  expect(await lab.get(`/api/refs/${id}`)).toMatchObject({ updating: false, updates: [{}, { ready: false }] });
  await lab.dispose();
});
