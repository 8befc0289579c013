import { afterEach, beforeEach, expect, test } from 'vitest';
import type { WorkflowControl, WorkflowState } from '../../../src/activities/deps.js';
import { reconcileBlasts } from '../../../src/activities/upkeep/reconcile_blasts.js';
import { blastError } from '../../../src/contracts/blast.js';
import type { WorkflowStart } from '../../../src/contracts/workflow_starts.js';
import { ensureIndexes } from '../../../src/store/database/indexes.js';
import { RESULT } from '../../support/blast_server.js';
import { quietLogger } from '../../support/logger.js';
import { bareContigs, insertNuvsAnalysis } from '../../support/nuvs_analysis.js';
import { testRound } from '../../support/round.js';
import { type TestStore, testStore } from '../../support/store.js';

let lab: TestStore;
let states: Record<string, WorkflowState>;
let started: WorkflowStart[];
beforeEach(async () => {
  lab = await testStore();
  await ensureIndexes(lab.store.database);
  states = {};
  started = [];
});
afterEach(() => lab.dispose());

const workflows: WorkflowControl = {
  running: async () => new Set(),
  state: async (workflowId) => states[workflowId] ?? 'unknown',
  start: async (start) => void started.push(start),
  cancel: async () => undefined,
};
const LATER_MS = 31_000;
const reconcile = (afterMs = LATER_MS) =>
  reconcileBlasts({ ...lab, log: quietLogger, workflows, now: () => Date.now() + afterMs }, testRound());

async function addBlasts(count: number): Promise<void> {
  await insertNuvsAnalysis(lab.store, { results: bareContigs(...Array<string>(count).fill('ACGT')) });
  for (let index = 0; index < count; index++) await lab.store.blast.begin({ analysisId: 'a1', index, rid: 'R' }, 3);
}
const blasts = async () => (await lab.store.analyses.get('a1'))?.blasts;

test('a BLAST that Temporal does not know is waited for again, with the search that NCBI has', async () => {
  await addBlasts(1);
  expect(await reconcile()).toEqual({ started: 1, closed: 0 });
  expect(started).toMatchObject([
    {
      workflowType: 'blast',
      workflowId: 'blast-a1-0-R',
      args: [{ analysisId: 'a1', index: 0, rid: 'R' }],
      attributes: { SampleId: 's1' },
    },
  ]);
  expect(await blasts()).toMatchObject([{ state: 'waiting' }]);
});

test('a BLAST that was ended from outside says so; those that run, have ended or are young are left alone', async () => {
  await addBlasts(4);
  await lab.store.blast.complete({ analysisId: 'a1', index: 2, rid: 'R' }, 3, RESULT);
  await lab.store.blast.fail({ analysisId: 'a1', index: 3, rid: 'R' }, blastError('failed'));
  states = { 'blast-a1-0-R': 'running', 'blast-a1-1-R': 'closed', 'blast-a1-2-R': 'closed', 'blast-a1-3-R': 'closed' };
  expect(await reconcile(0)).toEqual({ started: 0, closed: 0 });
  expect(await reconcile()).toEqual({ started: 0, closed: 1 });
  expect(started).toEqual([]);
  expect(await blasts()).toMatchObject([
    { state: 'waiting' },
    { state: 'failed', error: blastError('stopped') },
    { state: 'done', result: RESULT },
    { state: 'failed', error: blastError('failed') },
  ]);
});
