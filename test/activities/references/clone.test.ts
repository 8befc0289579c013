import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ActivityDeps } from '../../../src/activities/deps.js';
import { createCloneReferenceActivities } from '../../../src/activities/references/clone.js';
import { randomId } from '../../../src/store/database/ids.js';
import { newProcess } from '../../../src/store/processes.js';
import { refusedWith, runActivity } from '../../support/processes.js';
import { editOtu, insertOtu, otuOf, referenceOf, removeOtu } from '../../support/references.js';
import { testActivityDeps } from '../../support/store.js';

let deps: ActivityDeps;
let dispose: () => Promise<void>;
beforeAll(async () => {
  ({ deps, dispose } = await testActivityDeps());
});
afterAll(() => dispose());

/** A clone that has been asked for now. */
async function requestClone(sourceId: string) {
  const { store } = deps;
  const clone = referenceOf({ cloned_from: { id: sourceId, name: 'Source' } });
  const processId = randomId();
  await store.database.transaction(async (session) => {
    const manifest = await store.otus.manifest(sourceId, session);
    const context = { ref_id: clone._id, user_id: 'bob', manifest };
    await store.processes.insert(newProcess(processId, 'clone_reference', context), session);
    await store.references.insert({ ...clone, process: { id: processId } }, session);
  });
  const activities = createCloneReferenceActivities(deps);
  return { cloneId: clone._id, processId, run: () => runActivity(activities.cloneReference, { processId }) };
}

test('a clone holds the OTUs as they were when it was asked for, with ids of their own', async () => {
  const source = randomId();
  const edited = await insertOtu(deps.store, otuOf(source, { abbreviation: 'EV' }));
  const removed = await insertOtu(deps.store, otuOf(source, { remote: { id: 'release1' } }));
  const { cloneId, processId, run } = await requestClone(source);
  await editOtu(deps.store, edited._id, (otu) => {
    otu.name = 'Later name';
  });
  await removeOtu(deps.store, removed._id);
  await insertOtu(deps.store, otuOf(source));
  await run();

  const clones = await deps.store.otus.collection.find({ 'reference.id': cloneId }).toArray();
  expect(clones.map((otu) => otu.name).sort()).toEqual([edited.name, removed.name].sort());
  const clone = await deps.store.otus.getJoined(clones.find((otu) => otu.name === edited.name)?._id ?? '');
  expect(clone).toMatchObject({ version: 0, imported: true, verified: true, remote: { id: edited._id } });
  expect(clone?._id).not.toBe(edited._id);
  expect(clone?.isolates.map((isolate) => isolate.id)).toEqual(edited.isolates.map((isolate) => isolate.id));
  const [sequence] = clone?.isolates[0]?.sequences ?? [];
  const original = edited.isolates[0]!.sequences[0]!;
  expect(sequence).toEqual({
    ...original,
    _id: expect.not.stringMatching(original._id),
    otu_id: clone?._id,
    reference: { id: cloneId },
    remote: { id: original._id },
  });
  expect(clones.find((otu) => otu.name === removed.name)?.remote).toEqual({ id: 'release1' });
  expect(await deps.store.history.get(`${clone?._id}.0`)).toMatchObject({
    method_name: 'clone',
    description: `Cloned ${edited.name} (EV)`,
    diff: [['change', '', [null, clone]]],
  });
  expect(await deps.store.processes.get(processId)).toMatchObject({
    complete: true,
    step: 'create_history',
    progress: 1,
    count: 2,
  });
});

test('a clone of an empty reference is complete', async () => {
  const { cloneId, processId, run } = await requestClone(randomId());
  await run();
  expect(await deps.store.processes.get(processId)).toMatchObject({ complete: true, count: 0 });
  expect(await deps.store.otus.collection.countDocuments({ 'reference.id': cloneId })).toBe(0);
});

test('a clone whose source has lost an OTU for good is refused', async () => {
  const source = randomId();
  const { _id } = await insertOtu(deps.store, otuOf(source));
  const { run } = await requestClone(source);
  await deps.store.otuRemovals.removeAll(source);
  expect(await refusedWith(run())).toEqual([
    { id: 'unhandled', message: `OTU ${_id} of the source is not there any more` },
  ]);
});
