import { mkdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { Caller } from '../../../src/api/http/caller.js';
import { createSampleRoutes } from '../../../src/api/samples/routes.js';
import { blastError } from '../../../src/contracts/blast.js';
import { type Laboratory, laboratory } from '../../support/laboratory.js';
import { quietLogger } from '../../support/logger.js';
import { bareContigs, insertNuvsAnalysis } from '../../support/nuvs_analysis.js';

let lab: Laboratory;
beforeAll(async () => {
  lab = await laboratory();
});
afterAll(() => lab.dispose());
beforeEach(async () => {
  for (const name of ['subtraction', 'samples', 'files', 'jobs', 'caches', 'analyses'] as const) {
    await lab.database.collection(name).deleteMany({});
  }
  lab.cancelled.length = 0;
  lab.hooks.onCancel = async () => undefined;
  await lab.addHost('Vitis');
});

const closeJob = async (workflowId: string) => {
  await lab.store.jobs.close(workflowId.slice('job-'.length), { state: 'cancelled', error: null });
};

async function addSample(): Promise<{ id: string; jobId: string }> {
  const files = [await lab.upload('reads', 'a.fq')];
  const { body } = await lab.send('head', 'POST', '/api/samples', { name: `S ${files}`, subtraction: 'Vitis', files });
  const job = await lab.store.jobs.collection.findOne({ 'args.sample_id': body.id });
  return { id: body.id, jobId: job?._id ?? '' };
}

const analyse = (id: string) =>
  lab.store.analyses.create({
    algorithm: 'pathoscope_bowtie',
    sample: { id, name: 'S' },
    reference: { id: 'ref00000', name: 'R' },
    index: { id: 'index000', version: 1 },
    userId: 'head',
    cost: { proc: 1, mem: 1 },
  });

async function addFolder(path: string): Promise<void> {
  await mkdir(path, { recursive: true });
  await writeFile(join(path, 'reads_1.fq.gz'), 'reads');
}

const isThere = (path: string) =>
  stat(path).then(
    () => true,
    () => false,
  );

test('the BLASTs of a sample end with it', async () => {
  const [{ id, jobId }, other] = [await addSample(), await addSample()];
  await closeJob(`job-${jobId}`);
  for (const [analysisId, sampleId] of [
    ['mine', id],
    ['other', other.id],
  ] as const) {
    await insertNuvsAnalysis(lab.store, { _id: analysisId, sample: { id: sampleId }, results: bareContigs('A', 'C') });
    for (const index of [0, 1]) await lab.store.blast.begin({ analysisId, index, rid: 'R' }, 3);
  }
  await lab.store.blast.fail({ analysisId: 'mine', index: 0, rid: 'R' }, blastError('failed'));
  expect((await lab.send('head', 'DELETE', `/api/samples/${id}`)).status).toBe(204);
  expect(lab.cancelled).toEqual(['blast-mine-1-R']);
});

test('a sample goes with its analyses, caches and folders, and other samples stay', async () => {
  const { id, jobId } = await addSample();
  const other = await addSample();
  await closeJob(`job-${jobId}`);
  const analysis = await analyse(id);
  await closeJob(`job-${analysis?.job._id}`);
  const claim = { jobId, sampleId: id, program: 'skewer-0.2.2', hash: 'abc', rule: 'r', parameters: {}, paired: false };
  const { cache } = await lab.store.caches.claim(claim);
  await lab.store.caches.publish(cache._id, {}, []);
  for (const path of [lab.data.sample(id), lab.data.cache(cache._id), lab.data.sample(other.id)]) await addFolder(path);

  expect((await lab.send('head', 'DELETE', `/api/samples/${id}`)).status).toBe(204);
  expect(await lab.store.samples.get(id)).toBeNull();
  expect(await lab.store.analyses.ofSample(id)).toEqual([]);
  expect(await lab.store.caches.ofSample(id)).toEqual([]);
  expect(await isThere(lab.data.sample(id))).toBe(false);
  expect(await isThere(lab.data.cache(cache._id))).toBe(false);
  expect(await isThere(lab.data.sample(other.id))).toBe(true);
  expect(await lab.store.samples.get(other.id)).not.toBeNull();
  expect(lab.cancelled).toEqual([]);
  expect((await lab.send('head', 'DELETE', `/api/samples/${id}`)).status).toBe(404);
});

// Jobs that run on used to make the folders of a removed sample again.
test('its jobs are cancelled and have ended before the files go', async () => {
  const { id, jobId } = await addSample();
  const analysis = await analyse(id);
  await addFolder(lab.data.sample(id));
  lab.hooks.onCancel = async (workflowId) => {
    expect(await isThere(lab.data.sample(id))).toBe(true);
    setTimeout(() => void closeJob(workflowId), 60);
  };
  expect((await lab.send('head', 'DELETE', `/api/samples/${id}`)).status).toBe(204);
  expect([...lab.cancelled].sort()).toEqual([`job-${jobId}`, `job-${analysis?.job._id}`].sort());
  expect(await isThere(lab.data.sample(id))).toBe(false);
  for (const job of await lab.store.jobs.collection.find().toArray()) {
    expect(job).toMatchObject({ cancel_requested: true, status: [{ state: 'waiting' }, { state: 'cancelled' }] });
  }
});

test('a job that does not end is not waited for for ever', async () => {
  const { id } = await addSample();
  const deps = {
    config: {} as never,
    store: lab.store,
    files: lab.data,
    workflows: { start: async () => undefined, cancel: async () => undefined, isReachable: async () => false },
    remote: {} as never,
    log: quietLogger,
    version: '',
  };
  const route = createSampleRoutes(deps, 0).find(({ method }) => method === 'DELETE');
  const caller = { userId: 'head', administrator: true, groups: [] } as unknown as Caller;
  const request = {
    params: { sample_id: id },
    caller,
    log: quietLogger,
    query: {},
    body: undefined,
    context: {} as never,
    subject: await lab.store.samples.get(id),
  };
  expect(await route?.handle(request)).toMatchObject({ status: 204 });
  expect(await lab.store.samples.get(id)).toBeNull();
});

test('removing needs the right to write', async () => {
  const { id } = await addSample();
  const answer = await lab.send('anna', 'DELETE', `/api/samples/${id}`);
  expect(answer).toMatchObject({ status: 403, body: { id: 'insufficient_rights', message: 'Insufficient rights' } });
  await lab.send('head', 'PATCH', `/api/samples/${id}/rights`, { all_write: true });
  lab.hooks.onCancel = closeJob;
  expect((await lab.send('anna', 'DELETE', `/api/samples/${id}`)).status).toBe(204);
});
