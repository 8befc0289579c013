import { afterAll, beforeAll, expect, test } from 'vitest';
import { TASKS } from '../../src/contracts/jobs.js';
import { toStartOptions } from '../../src/contracts/start_options.js';
import { jobStart } from '../../src/contracts/workflow_starts.js';
import { type JobWorkers, startJobWorkers } from '../support/job_workers.js';
import { type TestNamespace, testNamespace } from '../support/namespace.js';

const limits = { host: { proc: 2, mem: 8 }, large: { proc: 2, mem: 8 }, small: { proc: 2, mem: 4 } };
const STEPS = [
  ...['makeNuvsDir', 'prepareReads', 'prepareQuality', 'eliminateOtus', 'eliminateSubtraction', 'reunitePairs'],
  ...['assembleReads', 'findContigOrfs', 'prepareProfiles', 'searchProfiles', 'collectNuvsResults'],
];

let namespace: TestNamespace;
let workers: JobWorkers;
beforeAll(async () => {
  namespace = await testNamespace();
  const names = { steps: STEPS, ends: ['finishNuvs', 'undoAnalysis'] };
  workers = await startJobWorkers(namespace, names, async () => undefined, limits);
});
afterAll(async () => {
  await workers?.stop();
  await namespace?.dispose();
});

test('NuVs runs its eleven steps in order, and its results come with the end of the job', async () => {
  const args = { analysis_id: 'a', sample_id: 's', sample_name: 'S', ref_id: 'r', index_id: 'i' };
  const options = jobStart({ _id: 'j1', task: 'nuvs', args, proc: 2, mem: 8, user: { id: 'ann' } });
  const handle = await namespace.client.workflow.start(options.workflowType, toStartOptions(options));
  await handle.result();
  expect(TASKS.nuvs.steps).toHaveLength(11);
  expect(workers.events).toEqual([...TASKS.nuvs.steps, 'finishNuvs'].map((event) => `${event} j1`));
});
