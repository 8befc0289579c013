import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { ensureIndexes } from '../../src/store/database/indexes.js';
import { type TestStore, testStore } from '../support/store.js';

let lab: TestStore;
beforeAll(async () => {
  lab = await testStore();
  await ensureIndexes(lab.store.database);
});
afterAll(() => lab.dispose());
beforeEach(async () => {
  await lab.store.caches.collection.deleteMany({});
  await lab.store.jobs.collection.deleteMany({});
});

const wanted = {
  sampleId: 'sample01',
  program: 'skewer-0.2.2',
  hash: 'abc',
  rule: 'phred33',
  parameters: { mode: 'pe' },
  paired: false,
};

const claim = (jobId: string, changes: Partial<typeof wanted> = {}) =>
  lab.store.caches.claim({ ...wanted, ...changes, jobId });

const addJob = (jobId: string) =>
  lab.store.database.transaction((session) =>
    lab.store.jobs.insert({ _id: jobId, task: 'nuvs', args: {}, proc: 1, mem: 1, userId: 'fred' }, session),
  );

// Two first analyses at once used to make two caches, and one deleted the other's.
test('of many jobs that want the same trimming, one makes it and the others wait for that', async () => {
  const jobIds = Array.from({ length: 8 }, (_, index) => `job${index}`);
  for (const jobId of jobIds) await addJob(jobId);
  const outcomes = await Promise.all(jobIds.map((jobId) => claim(jobId)));
  expect(outcomes.map(({ state }) => state).sort()).toEqual(['claimed', ...Array(7).fill('taken')]);
  expect(new Set(outcomes.map(({ cache }) => cache._id)).size).toBe(1);

  const maker = outcomes.findIndex(({ state }) => state === 'claimed');
  expect((await claim(jobIds[maker]!)).state).toBe('claimed');
  const [{ cache }] = outcomes as [(typeof outcomes)[0]];
  expect((await claim('other')).state).toBe('taken');
  expect(await lab.store.caches.publish(cache._id, { count: 1 }, [{ name: 'reads_1.fq.gz', size: 9 }])).toBe(true);
  expect(await claim('other')).toMatchObject({ state: 'ready', cache: { _id: cache._id, quality: { count: 1 } } });
});

test('other parameters, programs, rules and samples have caches of their own', async () => {
  await addJob('job0');
  const outcomes = await Promise.all([
    claim('job0'),
    claim('job0', { hash: 'def' }),
    claim('job0', { program: 'skewer-0.3' }),
    claim('job0', { rule: 'phred64' }),
    claim('job0', { sampleId: 'sample02' }),
  ]);
  expect(outcomes.map(({ state }) => state)).toEqual(Array(5).fill('claimed'));
  expect(new Set(outcomes.map(({ cache }) => cache._id)).size).toBe(5);
});

// Its reads were trimmed with an offset that skewer had guessed.
test('a cache of an older release is not found any more', async () => {
  const { rule: _, sampleId, ...old } = wanted;
  const made = { created_at: new Date(), files: [], legacy: false, ready: true, sample: { id: sampleId } };
  await lab.store.caches.collection.insertMany([
    { _id: 'oldest', ...old, ...made },
    { _id: 'former', ...old, ...made, key: 'sample01 skewer-0.2.2 abc' },
  ]);
  await addJob('job0');
  const { state, cache } = await claim('job0');
  expect(state).toBe('claimed');
  expect(['oldest', 'former']).not.toContain(cache._id);
});

test('a cache that a job left behind is taken over, but not from a job that still runs', async () => {
  await addJob('first');
  await addJob('second');
  const { cache } = await claim('first');
  expect((await claim('second')).state).toBe('taken');
  await lab.store.jobs.close('first', { state: 'error', error: null });
  expect(await claim('second')).toMatchObject({ state: 'claimed', cache: { _id: cache._id } });
  expect(await lab.store.caches.removeUnready('first')).toEqual([]);
  expect(await lab.store.caches.removeUnready('second')).toEqual([cache._id]);
});

test('clean-up of a job keeps what is ready', async () => {
  await addJob('first');
  const { cache } = await claim('first');
  await lab.store.caches.publish(cache._id, {}, []);
  expect(await lab.store.caches.removeUnready('first')).toEqual([]);
  expect(await lab.store.caches.get(cache._id)).not.toBeNull();
});

test('users see neither the key nor the job', async () => {
  await addJob('first');
  const { cache } = await claim('first');
  for (const shown of [await lab.store.caches.get(cache._id), (await lab.store.caches.ofSample('sample01'))[0]]) {
    expect(shown).toMatchObject({ _id: cache._id, legacy: false, parameters: { mode: 'pe' } });
    expect(shown).not.toHaveProperty('key');
    expect(shown).not.toHaveProperty('job');
  }
});
