import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type AnalysisResults, algorithmTags, type NewAnalysis, resultsFit } from '../../src/store/analyses.js';
import { type TestStore, testStore } from '../support/store.js';

let made: TestStore;
beforeEach(async () => {
  made = await testStore();
  await made.store.database
    .collection<{ _id: string; pathoscope: unknown; nuvs: unknown }>('samples')
    .insertOne({ _id: 's1', pathoscope: false, nuvs: false });
});
afterEach(() => made.dispose());

const input: NewAnalysis = {
  algorithm: 'pathoscope_bowtie',
  sample: { id: 's1', name: 'S' },
  reference: { id: 'r1', name: 'R' },
  index: { id: 'i1', version: 0 },
  userId: 'bob',
  cost: { proc: 2, mem: 4 },
};

async function create(changes: Partial<NewAnalysis> = {}) {
  const created = await made.store.analyses.create({ ...input, ...changes });
  if (!created) throw new Error('no sample');
  return created;
}

async function publish(analysisId: string, found: AnalysisResults): Promise<void> {
  const { analyses, database } = made.store;
  expect(await analyses.stageResults(analysisId, found)).toBe(true);
  expect(await database.transaction((session) => analyses.publish(analysisId, session))).toBe(true);
}

const tags = async () => {
  const sample = await made.store.database
    .collection<{ _id: string; pathoscope?: unknown; nuvs?: unknown }>('samples')
    .findOne({ _id: 's1' });
  return [sample?.pathoscope, sample?.nuvs];
};

describe('the tags of a sample', () => {
  test('say none, in progress or finished, by algorithm', () => {
    const analysis = (algorithm: string, ready: boolean) => ({ algorithm, ready });
    expect(algorithmTags([])).toEqual({ pathoscope: false, nuvs: false });
    expect(algorithmTags([analysis('nuvs', false)])).toEqual({ pathoscope: false, nuvs: 'ip' });
    expect(
      algorithmTags([
        analysis('pathoscope_bowtie', false),
        analysis('pathoscope_barracuda', true),
        analysis('nuvs', true),
      ]),
    ).toEqual({ pathoscope: true, nuvs: true });
  });

  test('follow the life of its analyses', async () => {
    const first = await create();
    expect(await tags()).toEqual(['ip', false]);
    const second = await create();
    await publish(first.analysis._id, { results: [] });
    expect(await tags()).toEqual([true, false]);
    await made.store.analyses.remove(first.analysis._id);
    expect(await tags()).toEqual(['ip', false]);
    await made.store.analyses.remove(second.analysis._id);
    expect(await tags()).toEqual([false, false]);
  });

  test('are right after many writes at once', async () => {
    const created = await Promise.all(Array.from({ length: 6 }, () => create()));
    await Promise.all(created.map(({ analysis }) => made.store.analyses.remove(analysis._id)));
    expect(await tags()).toEqual([false, false]);
  });
});

describe('an analysis', () => {
  test('is made with all others that are asked for at once, or none is', async () => {
    const gone = { ...input, sample: { id: 'gone', name: 'G' } };
    expect(await made.store.analyses.createAll([input, gone])).toBeUndefined();
    expect(await made.store.analyses.collection.countDocuments()).toBe(0);
    expect(await made.store.jobs.collection.countDocuments()).toBe(0);
    expect(await tags()).toEqual([false, false]);
    const all = await made.store.analyses.createAll([input, { ...input, algorithm: 'nuvs' }]);
    expect(all?.map(({ job }) => job.task)).toEqual(['pathoscope_bowtie', 'nuvs']);
    expect(await tags()).toEqual(['ip', 'ip']);
  });

  test('is made with its job or not at all', async () => {
    const { analysis, job } = await create();
    expect(analysis.job).toEqual({ id: job._id });
    expect(job.args).toMatchObject({ analysis_id: analysis._id, sample_id: 's1', index_id: 'i1' });
    expect(await made.store.analyses.create({ ...input, sample: { id: 'gone', name: 'G' } })).toBeUndefined();
    expect(await made.store.analyses.collection.countDocuments()).toBe(1);
    expect(await made.store.jobs.collection.countDocuments()).toBe(1);
  });

  test('is ready with its results, which nobody has seen before', async () => {
    const { analysis } = await create();
    const { store } = made;
    expect(await store.analyses.setCache(analysis._id, 'c1')).toBe(true);
    const found = { results: [1], read_count: 5, subtracted_count: 2 };
    expect(await store.analyses.stageResults(analysis._id, found)).toBe(true);
    expect(await store.analyses.getResults(analysis._id)).toBeUndefined();
    expect(await store.analyses.getWithoutResults(analysis._id)).not.toHaveProperty('staged');
    expect(await tags()).toEqual(['ip', false]);
    expect(await store.database.transaction((session) => store.analyses.publish(analysis._id, session))).toBe(true);
    const ready = await store.analyses.get(analysis._id);
    expect(ready).toEqual({ ...analysis, ...found, ready: true, cache: { id: 'c1' } });
    expect(await tags()).toEqual([true, false]);
    expect(await store.analyses.stageResults('gone', { results: 'file' })).toBe(false);
    expect(await store.analyses.setCache('gone', 'c1')).toBe(false);
    expect(await store.analyses.remove('gone')).toBeNull();
  });

  test('without results is not made ready, unless there are others', async () => {
    const { analysis } = await create();
    const { store } = made;
    const publish = (others?: { results: 'file' }) =>
      store.database.transaction((session) => store.analyses.publish(analysis._id, session, others));
    expect(await publish()).toBe(false);
    expect(await store.analyses.get(analysis._id)).toMatchObject({ ready: false });
    expect(await publish({ results: 'file' })).toBe(true);
    expect(await store.analyses.get(analysis._id)).toMatchObject({ ready: true, results: 'file' });
  });

  // The last step of a job stores results and final state together.
  test('takes part in the transaction of its caller', async () => {
    const { analysis } = await create();
    const { store } = made;
    const failed = store.database.transaction(async (session) => {
      await store.analyses.publish(analysis._id, session, { results: [] });
      throw new Error('the job could not be closed');
    });
    await expect(failed).rejects.toThrow('closed');
    expect(await store.analyses.get(analysis._id)).toMatchObject({ ready: false });
    expect(await tags()).toEqual(['ip', false]);
  });

  test('can hold results up to 15 MiB', async () => {
    const megabyte = 'x'.repeat(1024 ** 2);
    expect(resultsFit(Array.from({ length: 14 }, () => megabyte))).toBe(true);
    expect(resultsFit(Array.from({ length: 16 }, () => megabyte))).toBe(false);
    const { analysis } = await create();
    const results = [...Array.from({ length: 14 }, () => megabyte), 'x'.repeat(1_000_000)];
    expect(resultsFit(results)).toBe(true);
    await publish(analysis._id, { results });
    expect((await made.store.analyses.get(analysis._id))?.results).toHaveLength(15);
  });

  test('names the newest ready index of a reference', async () => {
    const indexes = made.store.database.collection<{ _id: string }>('indexes');
    const index = (id: string, version: number, ready: boolean) => ({
      _id: id,
      version,
      ready,
      reference: { id: 'r1' },
    });
    await indexes.insertMany([index('a', 2, true), index('b', 10, true), index('c', 11, false)]);
    expect(await made.store.analyses.newestIndex('r1')).toEqual({ id: 'b', version: 10 });
    expect(await made.store.analyses.newestIndex('r2')).toBeUndefined();
  });

  test('follows the name of its reference', async () => {
    const { analysis } = await create();
    await made.store.analyses.renameReference('r1', 'New name');
    expect(await made.store.analyses.get(analysis._id)).toMatchObject({ reference: { id: 'r1', name: 'New name' } });
  });
});
