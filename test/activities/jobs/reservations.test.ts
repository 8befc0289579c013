import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { MockActivityEnvironment } from '@temporalio/testing';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { ActivityDeps } from '../../../src/activities/deps.js';
import { createCreateSampleControl } from '../../../src/activities/jobs/create_sample.js';
import {
  createCreateSubtractionControl,
  createCreateSubtractionSteps,
} from '../../../src/activities/jobs/create_subtraction.js';
import { reconcileJobs } from '../../../src/activities/upkeep/reconcile_jobs.js';
import type { JobInput } from '../../../src/contracts/jobs.js';
import type { FileType } from '../../../src/store/files.js';
import type { JobDocument } from '../../../src/store/jobs.js';
import { adaptLogger } from '../../../src/workers/runtime.js';
import { quietLogger } from '../../support/logger.js';
import { testRound } from '../../support/round.js';
import { type TestStore, testStore } from '../../support/store.js';

const RUNNER = fileURLToPath(new URL('../../support/run_ts.mjs', import.meta.url));
const KILLED = fileURLToPath(new URL('../../support/undo_subtraction.ts', import.meta.url));

let site: TestStore;
let deps: ActivityDeps;
beforeEach(async () => {
  site = await testStore();
  deps = { store: site.store, data: site.data, log: quietLogger };
});
afterEach(() => site.dispose());

async function upload(type: FileType): Promise<string> {
  const file = await site.store.files.insert({ name: 'x', type, userId: 'bob' });
  await site.store.files.publish(file._id, 3);
  return file._id;
}

async function subtraction(name: string, fileId: string): Promise<JobInput> {
  const cost = { proc: 1, mem: 1 };
  const input = { name, clashesWith: () => false, nickname: '', fileId, userId: 'bob', cost };
  const outcome = await site.store.subtractions.create(input);
  if (typeof outcome === 'string') throw new Error(outcome);
  await mkdir(site.data.subtraction(name), { recursive: true });
  return inputOf(outcome.job);
}

function inputOf(job: JobDocument): JobInput {
  return { jobId: job._id, task: 'create_subtraction', args: job.args, cost: { proc: job.proc, mem: job.mem } };
}

/** One round of the reconciler; Temporal has ended all workflows. */
function reconcile() {
  const undo = createCreateSubtractionControl(deps).undoCreateSubtraction;
  const never = () => Promise.reject(new Error('not expected'));
  const workflows = { running: async () => new Set<string>(), state: async () => 'closed' as const };
  const others = {
    create_sample: never,
    update_sample: never,
    build_index: never,
    pathoscope_bowtie: never,
    nuvs: never,
  };
  return reconcileJobs(
    {
      ...deps,
      now: () => Date.now() + 60_000,
      undo: { ...others, create_subtraction: undo },
      workflows: { ...workflows, start: never, cancel: never },
    },
    testRound(),
  );
}

async function killBeforeRelease(jobId: string): Promise<void> {
  const { client, db } = site.store.database;
  const url = `mongodb://${client.options.hosts[0]}/?directConnection=true`;
  const args = [RUNNER, KILLED, url, db.databaseName, site.data.root, jobId];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'inherit', 'inherit'] });
  expect(await once(child, 'exit')).toEqual([null, 'SIGKILL']);
}

const holder = async (fileId: string) => (await site.store.files.get(fileId))?.reserved_by;

test('a process that dies before it frees the upload of an undone job leaves that to the reconciler', async () => {
  const fileId = await upload('subtraction');
  const { jobId } = await subtraction('Vitis', fileId);
  await killBeforeRelease(jobId);
  expect(await holder(fileId)).toBe(jobId);
  await reconcile();
  expect(await site.store.files.get(fileId)).toMatchObject({ reserved: false });
  expect(await holder(fileId)).toBeUndefined();
});

test('a job becomes complete and its upload free together or not at all', async () => {
  const fileId = await upload('subtraction');
  const input = await subtraction('Vitis', fileId);
  const release = () => Promise.reject(new Error('no space left'));
  const broken = { ...site.store, files: { ...site.store.files, release } };
  const finish = (store: TestStore['store']) =>
    createCreateSubtractionControl({ ...deps, store }).finishCreateSubtraction(input);
  await expect(finish(broken)).rejects.toThrow('no space left');
  expect((await site.store.jobs.get(input.jobId))?.status).toHaveLength(1);
  expect(await holder(fileId)).toBe(input.jobId);
  await finish(site.store);
  expect((await site.store.jobs.get(input.jobId))?.status.at(-1)).toMatchObject({ state: 'complete' });
  expect(await holder(fileId)).toBeUndefined();
});

test.each(['ended', 'gone'])('what a job that has %s still holds is free after the next round', async (state) => {
  const files = [await upload('subtraction'), await upload('subtraction')];
  const [over, working] = [await subtraction('Vitis', files[0]!), await subtraction('Malus', files[1]!)];
  await site.store.jobs.close(over.jobId, { state: 'error', error: null });
  if (state === 'gone') await site.store.jobs.removeEnded(over.jobId);
  await site.store.jobs.collection.updateOne(
    { _id: working.jobId },
    { $set: { 'status.0.timestamp': new Date(2e12) } },
  );
  expect(await reconcile()).toMatchObject({ closed: 0, released: 1 });
  expect(await Promise.all(files.map(holder))).toEqual([undefined, working.jobId]);
});

// An activity is tried again when its worker dies right after its work.
test('an undo that comes again touches nothing of what was made since', async () => {
  const { undoCreateSubtraction } = createCreateSubtractionControl(deps);
  const fileId = await upload('subtraction');
  const first = await subtraction('Vitis vinifera', fileId);
  await undoCreateSubtraction(first);
  expect(existsSync(site.data.subtraction('Vitis vinifera'))).toBe(false);
  const second = await subtraction('vitis_vinifera', fileId);
  await undoCreateSubtraction(first);
  expect(await holder(fileId)).toBe(second.jobId);
  expect(existsSync(site.data.subtraction('vitis_vinifera'))).toBe(true);
});

// Release 3.7.3 took on both names, and the clean-up of the second job deleted the files of the first.
test('a job of an old release whose folder is that of another subtraction fails and leaves the folder', async () => {
  await subtraction('Vitis vinifera', await upload('subtraction'));
  const second = await subtraction('vitis_vinifera', await upload('subtraction'));
  const { makeSubtractionDir } = createCreateSubtractionSteps(deps);
  const granted = { proc: 1, mem: 1 };
  const input = { ...second, granted, stage: 'make_subtraction_dir', progress: 0, share: 0.1, last: false };
  const environment = new MockActivityEnvironment({ attempt: 1 }, { logger: adaptLogger(quietLogger) });
  await expect(environment.run(makeSubtractionDir, input)).rejects.toMatchObject({ type: 'InvalidInput' });
  await createCreateSubtractionControl(deps).undoCreateSubtraction(second);
  expect(await site.store.subtractions.names()).toEqual(['Vitis vinifera']);
  expect(existsSync(site.data.subtraction('Vitis vinifera'))).toBe(true);
});

test('the uploads of a sample are given back by its job only', async () => {
  const fileId = await upload('reads');
  await site.store.files.collection.updateOne({ _id: fileId }, { $set: { reserved: true, reserved_by: 'other' } });
  const input: JobInput = {
    jobId: 'mine',
    task: 'create_sample',
    args: { sample_id: 's', files: [{ id: fileId, name: 'x', size: 3 }] },
    cost: { proc: 1, mem: 1 },
  };
  await createCreateSampleControl(deps).undoCreateSample(input);
  expect(await holder(fileId)).toBe('other');
  await site.store.files.collection.updateOne({ _id: fileId }, { $unset: { reserved_by: '' } });
  await createCreateSampleControl(deps).undoCreateSample(input);
  expect(await site.store.files.get(fileId)).toMatchObject({ reserved: false });
});
