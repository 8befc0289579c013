import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { MockActivityEnvironment } from '@temporalio/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createBuildIndexSteps } from '../../../src/activities/jobs/build_index.js';
import type { BuildIndexArgs } from '../../../src/contracts/build_index.js';
import { openDatabase, type Stored } from '../../../src/store/database/database.js';
import { ensureIndexes } from '../../../src/store/database/indexes.js';
import { createStore } from '../../../src/store/index.js';
import { addIsolate } from '../../../src/store/otus/isolate_edits.js';
import { addSequence, editSequence, removeSequence } from '../../../src/store/otus/sequence_edits.js';
import { createDocumentRepairs } from '../../../src/store/start_up.js';
import { adaptLogger } from '../../../src/workers/runtime.js';
import { type Laboratory, laboratory } from '../../support/laboratory.js';
import { quietLogger } from '../../support/logger.js';
import { type Editor, editorOf } from '../../support/otu_edits.js';

let lab: Laboratory;
let edit: Editor;
beforeAll(async () => {
  lab = await laboratory({ anna: {} });
  edit = editorOf(lab.store);
});
afterAll(() => lab.dispose());

const cost = { proc: 1, mem: 1 };
const bases = (accession: string) => ({
  accession,
  definition: `Definition of ${accession}`,
  host: '',
  sequence: 'ACGT'.repeat(accession.charCodeAt(0) % 5 || 1),
  segment: null,
});

/** An OTU whose sequences came, changed and went, and the number of its versions. */
async function editedOtu() {
  const referenceId = await edit.addReference();
  const { _id: otuId } = await edit.create(referenceId, `Virus ${Math.random()}`);
  await edit.change(otuId, addIsolate({ source_type: 'isolate', source_name: 'A', default: true }));
  const two = await edit.change(otuId, addIsolate({ source_type: 'isolate', source_name: 'B', default: false }));
  const [a, b] = two.isolates.map(({ id }) => id) as [string, string];
  for (const accession of ['Z', 'M', 'A', 'K', 'B', 'Y']) {
    await edit.change(otuId, addSequence(a, bases(accession)));
    await edit.change(otuId, addSequence(b, bases(`${accession}2`)));
  }
  const [ids, others] = (await lab.store.otus.getJoined(otuId))!.isolates.map((isolate) =>
    isolate.sequences.map(({ _id }) => _id),
  ) as [string[], string[]];
  await edit.change(otuId, removeSequence(b, others[2]!));
  await edit.change(otuId, removeSequence(a, ids[0]!));
  await edit.change(otuId, editSequence(a, ids[3]!, { host: 'Vitis' }));
  await edit.change(otuId, removeSequence(a, ids[4]!));
  const last = await edit.change(otuId, addSequence(a, bases('C')));
  return { referenceId, otuId, version: last.version };
}

/** Reads everything, drops it with its indexes, and inserts it in another order, as a restore may. */
async function restore() {
  const database = await openDatabase({ url: lab.databaseUrl, name: lab.databaseName });
  for (const name of ['sequences', 'otus', 'history'] as const) {
    const collection = database.collection<Stored>(name);
    const documents = await collection.find().toArray();
    await collection.drop();
    // Odd ones first, all from the end: no document stays before the one that it followed.
    const turned = documents.reverse();
    await collection.insertMany([...turned.filter((_, i) => i % 2 === 1), ...turned.filter((_, i) => i % 2 === 0)]);
  }
  await database.close();
}

async function fetched(path: string): Promise<string> {
  const response = await lab.app.request(path, { headers: { 'X-User': 'bob' } });
  expect(response.status).toBe(200);
  return Buffer.from(await response.arrayBuffer()).toString('latin1');
}

async function indexFasta(referenceId: string): Promise<string> {
  const deps = { store: createStore(lab.store.database), data: lab.data, log: quietLogger };
  const outcome = await deps.store.indexBuilds.create({ referenceId, userId: 'bob', cost });
  if (!outcome.ok) throw new Error(outcome.reason);
  const { _id: jobId, args } = outcome.job;
  const { ref_id, index_id } = args as BuildIndexArgs;
  const steps = createBuildIndexSteps(deps);
  for (const step of [steps.makeIndexDir, steps.writeIndexFasta]) {
    await new MockActivityEnvironment({ attempt: 1 }, { logger: adaptLogger(quietLogger) }).run(step, {
      ...{ jobId, task: 'build_index', args, cost, stage: 'write_fasta', progress: 0, share: 0.5, last: false },
    });
  }
  const fasta = await readFile(join(lab.data.index(ref_id, index_id), 'ref.fa'), 'utf8');
  await deps.store.indexBuilds.discard(index_id);
  return fasta;
}

/** All that shows sequences, as text. */
async function views({ referenceId, otuId, version }: { referenceId: string; otuId: string; version: number }) {
  const versions: string[] = [];
  for (let at = 0; at <= version; at += 1) {
    versions.push(JSON.stringify(await lab.store.otuVersions.getOtuAtVersion(otuId, at)));
  }
  return {
    otu: await fetched(`/api/otus/${otuId}`),
    history: await fetched(`/api/otus/${otuId}/history`),
    fasta: await fetched(`/download/otus/${otuId}`),
    file: await fetched(`/download/refs/${referenceId}?scope=unbuilt`),
    index: await indexFasta(referenceId),
    versions,
  };
}

test('every view is the same after a restore that shuffles, and changes are reverted to what was before', async () => {
  const made = await editedOtu();
  const before = await views(made);
  await restore();
  expect(await views(made)).toEqual(before);
  for (let at = made.version; at > 0; at -= 1) {
    expect(await edit.revert(`${made.otuId}.${at}`)).toBe('ok');
    if (at % 4 === 0) await restore();
    expect(JSON.stringify(await lab.store.otus.getJoined(made.otuId))).toBe(before.versions[at - 1]);
  }
});

test('nothing that leaves the server shows where a sequence stands', async () => {
  const made = await editedOtu();
  const texts = JSON.stringify(await views(made));
  expect(texts).not.toContain('position');
  const { _id, isolate_id } = (await lab.store.sequences.collection.findOne({ otu_id: made.otuId }))!;
  expect(await fetched(`/api/otus/${made.otuId}/isolates/${isolate_id}/sequences/${_id}`)).not.toContain('position');
  expect(await lab.store.sequences.get(_id)).not.toHaveProperty('position');
  await edit.remove(made.otuId);
  expect(JSON.stringify(await lab.store.history.ofOtu(made.otuId).toArray())).not.toContain('position');
});

test('sequences of an old release get the order of the collection at the start, before which edits keep it', async () => {
  await ensureIndexes(lab.store.database);
  const [first, second] = [await editedOtu(), await editedOtu()];
  const sequences = lab.store.sequences.collection;
  const forget = { $unset: { position: '' } } as object;
  await sequences.updateMany({ otu_id: { $in: [first.otuId, second.otuId] } }, forget);
  const before = [await views(first), await views(second)];
  const shown = (await lab.store.otus.getJoined(second.otuId))!;
  const isolateId = shown.isolates[1]!.id;
  const edited = await edit.change(second.otuId, addSequence(isolateId, bases('N')));
  expect(await lab.store.otus.getJoined(second.otuId)).toEqual(edited);
  // A position is left out where a start was broken off.
  await sequences.updateOne({ _id: edited.isolates[1]!.sequences[0]!._id }, forget);
  const order = createDocumentRepairs(lab.store)['order of sequences']!;
  expect(await order()).toBe((await sequences.countDocuments({ otu_id: first.otuId })) + 1);
  expect(await order()).toBe(0);
  await restore();
  expect(await views(first)).toEqual(before[0]);
  expect(await lab.store.otus.getJoined(second.otuId)).toEqual(edited);
  expect(await edit.revert(`${second.otuId}.${edited.version}`)).toBe('ok');
  expect(await views(second)).toEqual(before[1]);
});
