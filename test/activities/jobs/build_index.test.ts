import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { MockActivityEnvironment } from '@temporalio/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createBuildIndexSteps } from '../../../src/activities/jobs/build_index.js';
import { createImportReferenceActivities } from '../../../src/activities/references/import.js';
import type { BuildIndexArgs } from '../../../src/contracts/build_index.js';
import { adaptLogger } from '../../../src/workers/runtime.js';
import { quietLogger } from '../../support/logger.js';
import { requestImport, runActivity } from '../../support/processes.js';
import { type TestStore, testStore } from '../../support/store.js';

const REFERENCE = join(import.meta.dirname, '../../../demo/reference-small.json.gz');
const cost = { proc: 1, mem: 1 };

let context: TestStore;
beforeAll(async () => {
  context = await testStore();
});
afterAll(() => context?.dispose());

/** Imports the reference of the demo and gives the FASTA of its index. */
async function importedFasta(change: (referenceId: string) => Promise<unknown> = async () => {}): Promise<string> {
  const deps = { ...context, log: quietLogger };
  const { reference, process } = await requestImport(deps, REFERENCE);
  await runActivity(createImportReferenceActivities(deps).importReference, { processId: process._id });
  await change(reference._id);
  const outcome = await context.store.indexBuilds.create({ referenceId: reference._id, userId: 'bob', cost });
  if (!outcome.ok) throw new Error(outcome.reason);
  const { _id: jobId, args } = outcome.job;
  const steps = createBuildIndexSteps(deps);
  for (const step of [steps.makeIndexDir, steps.writeIndexFasta]) {
    await new MockActivityEnvironment({ attempt: 1 }, { logger: adaptLogger(quietLogger) }).run(step, {
      ...{ jobId, task: 'build_index', args, cost, stage: 'write_fasta', progress: 0, share: 0.5, last: false },
    });
  }
  const { ref_id, index_id } = args as BuildIndexArgs;
  return readFile(join(context.data.index(ref_id, index_id), 'ref.fa'), 'utf8');
}

/** The sequences of default isolates in the order of the file. */
function sequencesOfFile(): string[] {
  type Isolate = { default: boolean; sequences: { sequence: string }[] };
  const { otus } = JSON.parse(gunzipSync(readFileSync(REFERENCE)).toString()) as { otus: { isolates: Isolate[] }[] };
  const isolates = otus.flatMap((otu) => otu.isolates.filter((isolate) => isolate.default));
  return isolates.flatMap((isolate) => isolate.sequences.map(({ sequence }) => sequence));
}

// Ids are drawn anew with every import, and bowtie2 chooses between equal hits by the order of the sequences.
test('an index of an imported reference holds the sequences in the order of the file, at each import', async () => {
  const [first, second] = [await importedFasta(), await importedFasta()];
  const sequences = (fasta: string) => fasta.split('\n').filter((line) => line !== '' && !line.startsWith('>'));
  expect(second).not.toBe(first);
  expect(sequences(first)).toEqual(sequencesOfFile());
  expect(sequences(second)).toEqual(sequences(first));
});

// bowtie2-build leaves out U without a word.
test('an index of bases that an old release stored with U is written with T', async () => {
  const asRna = async (referenceId: string) => {
    const { collection } = context.store.sequences;
    for await (const { _id, sequence } of collection.find({ 'reference.id': referenceId }))
      await collection.updateOne({ _id }, { $set: { sequence: sequence.replaceAll('T', 'U') } });
  };
  const fasta = await importedFasta(asRna);
  expect(fasta.split('\n').filter((line) => line !== '' && !line.startsWith('>'))).toEqual(sequencesOfFile());
});
