import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { pruneProcesses } from '../../../src/activities/upkeep/prune.js';
import { newProcess, type ProcessDocument } from '../../../src/store/processes.js';
import { quietLogger } from '../../support/logger.js';
import { type TestStore, testStore } from '../../support/store.js';

const DAY_MS = 86_400_000;
const NOW = Date.UTC(2026, 0, 1);

let site: TestStore;
beforeAll(async () => {
  site = await testStore();
});
afterAll(() => site.dispose());
beforeEach(async () => {
  await site.store.processes.collection.deleteMany({});
  await site.store.references.collection.deleteMany({});
});

const process = (id: string, days: number, changes: Partial<ProcessDocument> = {}): ProcessDocument => ({
  ...newProcess(id, 'import_reference', {}),
  ...{ complete: true, created_at: new Date(NOW - days * DAY_MS), ...changes },
});
const insert = (all: ProcessDocument[]) => site.store.processes.collection.insertMany(all);
const prune = () => pruneProcesses({ ...site, log: quietLogger }, NOW);
const left = async () => (await site.store.processes.list({})).map(({ _id }) => _id);
/** A hundred that have just ended, so that older ones are not among the last ones. */
const hundred = () => Array.from({ length: 100 }, (_, index) => process(`new${index}`, 1));

test('processes go 30 days after they began, once they have ended', async () => {
  const { done: _, ...ofOldRelease } = process('abandoned', 31, { complete: false });
  await insert([
    ...hundred(),
    process('complete', 31),
    process('failed', 31, { complete: false, errors: [{ id: 'unhandled', message: 'x' }] }),
    ofOldRelease,
    process('running', 31, { complete: false }),
    process('undone', 31, { complete: false, closing: true }),
    process('young', 29),
  ]);
  expect(await prune()).toBe(3);
  expect((await left()).filter((id) => !id.startsWith('new')).sort()).toEqual(['running', 'undone', 'young']);
  expect(await prune()).toBe(0);
});

test('the last hundred that have ended stay, whatever their age', async () => {
  await insert(Array.from({ length: 103 }, (_, index) => process(`p${index}`, 40 + index)));
  await insert([process('running', 35, { complete: false })]);
  expect(await prune()).toBe(3);
  const ids = await left();
  expect(ids).toHaveLength(101);
  for (const id of ['p100', 'p101', 'p102']) expect(ids).not.toContain(id);
});

test('a process stays that a reference or the status of HMM data names', async () => {
  await insert([...hundred(), process('imported', 50), process('hmms', 50), process('other', 50)]);
  await site.store.references.collection.insertOne({ _id: 'r', process: { id: 'imported' } } as never);
  await site.store.database.collection('status').insertOne({ _id: 'hmm', process: { id: 'hmms' } } as never);
  expect(await prune()).toBe(1);
  expect(await left()).toEqual(expect.arrayContaining(['imported', 'hmms']));
});
