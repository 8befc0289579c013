import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { ActivityDeps } from '../../../src/activities/deps.js';
import { createDeleteReferenceActivities } from '../../../src/activities/references/delete.js';
import { createDataDirectory } from '../../../src/files/data_directory.js';
import { randomId } from '../../../src/store/database/ids.js';
import { newProcess } from '../../../src/store/processes.js';
import { testFolder } from '../../support/folders.js';
import { runActivity } from '../../support/processes.js';
import { insertOtu, otuOf, referenceOf, removeOtu } from '../../support/references.js';
import { testActivityDeps } from '../../support/store.js';

let deps: ActivityDeps;
let dispose: () => Promise<void>;
beforeAll(async () => {
  ({ deps, dispose } = await testActivityDeps());
});
beforeEach(() => {
  deps.data = createDataDirectory(testFolder());
});
afterAll(() => dispose());

const insertProcess = async (context: { ref_id: string; user_id: string }, type = 'delete_reference' as const) => {
  const process = newProcess(randomId(), type, context);
  await deps.store.database.transaction((session) => deps.store.processes.insert(process, session));
  return process._id;
};

async function requestRemoval(referenceId: string) {
  const processId = await insertProcess({ ref_id: referenceId, user_id: 'anna' });
  const activities = createDeleteReferenceActivities(deps);
  return {
    processId,
    isInUse: () => runActivity(activities.isReferenceInUse, { processId }),
    run: () => runActivity(activities.deleteReference, { processId }),
  };
}

const insertAnalysis = (referenceId: string, changes: object) =>
  deps.store.database.db
    .collection<{ _id: string }>('analyses')
    .insertOne({ _id: randomId(), reference: { id: referenceId }, ready: true, ...changes } as { _id: string });

async function insertJob(state: 'running' | 'complete'): Promise<{ id: string }> {
  const _id = randomId();
  const job = { _id, task: 'pathoscope_bowtie', args: {}, proc: 1, mem: 1, userId: 'bob' };
  await deps.store.database.transaction((session) => deps.store.jobs.insert(job, session));
  if (state === 'complete') await deps.store.jobs.close(_id, { state, error: null });
  return { id: _id };
}

test('indexes, files, OTUs and history go, but for the history of OTUs that analyses name', async () => {
  const { store, data } = deps;
  const [referenceId, other] = [randomId(), randomId()];
  const plain = await insertOtu(store, otuOf(referenceId));
  const named = await insertOtu(store, otuOf(referenceId));
  const removedEarlier = await insertOtu(store, otuOf(referenceId));
  await removeOtu(store, removedEarlier._id);
  const foreign = await insertOtu(store, otuOf(other));
  await insertAnalysis(referenceId, { results: [{ otu: { id: named._id, version: 0 } }] });
  await store.indexBuilds.create({ referenceId, userId: 'bob', cost: { proc: 1, mem: 1 } });
  mkdirSync(data.index(referenceId, 'index1'), { recursive: true });
  writeFileSync(join(data.index(referenceId, 'index1'), 'ref.fa'), '>a');

  const { processId, run } = await requestRemoval(referenceId);
  await run();
  await run();
  const ofReference = { 'reference.id': referenceId };
  expect(existsSync(data.reference(referenceId))).toBe(false);
  expect(await store.indexBuilds.collection.countDocuments(ofReference)).toBe(0);
  expect(await store.otus.collection.countDocuments(ofReference)).toBe(0);
  expect(await store.sequences.collection.countDocuments(ofReference)).toBe(0);
  const changes = await store.history.collection.find(ofReference).sort({ _id: 1 }).toArray();
  expect(changes.map((change) => change._id)).toEqual([`${named._id}.0`, `${named._id}.removed`]);
  expect(changes[1]).toMatchObject({
    user: { id: 'anna' },
    description: `Removed ${named.name}`,
    method_name: 'remove',
  });
  expect(await store.otuVersions.getOtuAtVersion(named._id, 0)).toEqual(named);
  expect(await store.otuVersions.getOtuAtVersion(plain._id, 0)).toBeUndefined();
  expect(await store.otuVersions.getOtuAtVersion(foreign._id, 0)).toEqual(foreign);
  expect(await store.processes.get(processId)).toMatchObject({
    complete: true,
    progress: 1,
    count: 0,
    step: 'remove_referenced_otus',
  });
});

// Which OTUs such results name is not in the database.
test('all history stays when results of an analysis lie in a file', async () => {
  const referenceId = randomId();
  const otu = await insertOtu(deps.store, otuOf(referenceId));
  await insertAnalysis(referenceId, { results: 'file' });
  const { run } = await requestRemoval(referenceId);
  await run();
  expect(await deps.store.otus.get(otu._id)).toBeNull();
  expect(await deps.store.otuVersions.getOtuAtVersion(otu._id, 0)).toEqual(otu);
});

test('a reference is in use while an analysis, an import or a clone of it runs', async () => {
  const referenceId = randomId();
  const { isInUse } = await requestRemoval(referenceId);
  expect(await isInUse()).toBe(false);

  await insertAnalysis(referenceId, { ready: false, job: await insertJob('complete') });
  expect(await isInUse()).toBe(false);
  const job = await insertJob('running');
  await insertAnalysis(referenceId, { ready: false, job });
  expect(await isInUse()).toBe(true);
  await deps.store.jobs.close(job.id, { state: 'cancelled', error: null });
  expect(await isInUse()).toBe(false);

  const clone = referenceOf({ cloned_from: { id: referenceId, name: '' } });
  await deps.store.references.insert(clone);
  const processId = await insertProcess({ ref_id: clone._id, user_id: 'bob' }, 'clone_reference' as never);
  expect(await isInUse()).toBe(true);
  await deps.store.processes.complete(processId, 'create_history');
  expect(await isInUse()).toBe(false);
});
