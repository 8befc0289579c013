import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Store } from '../../../src/store/index.js';
import { annotationOf, beginInstall, install, releaseAnswer } from '../../support/hmms.js';
import { testStore } from '../../support/store.js';

let store: Store;
let dispose: () => Promise<void>;
beforeEach(async () => {
  ({ store, dispose } = await testStore());
});
afterEach(() => dispose());

const PAGE = { page: 1, perPage: 25 };
const clusters = async (term?: string) => (await store.hmms.list(term, PAGE)).documents.map(({ cluster }) => cluster);
const insertOld = (_id: string, cluster: number, hidden = false) =>
  store.hmms.collection.insertOne({ _id, ...annotationOf(cluster), hidden });

describe('an installation', () => {
  test('replaces the former one at once, whatever was staged before', async () => {
    await install(store, [3, 1, 2]);
    const second = await beginInstall(store);
    await store.hmms.stage(second, [annotationOf(7)]);
    expect(await clusters()).toEqual([1, 2, 3]);
    await store.hmmStatus.publish(second, 'import_annotations');
    expect(await clusters()).toEqual([7]);
    expect(await store.hmmStatus.get()).toMatchObject({
      installed: { name: 'v1.0.0', ready: true, user: { id: 'bob' } },
      process: { id: second },
      updates: [{ ready: true }, { ready: true }],
    });
    expect(await store.processes.get(second)).toMatchObject({ complete: true, progress: 1 });
  });

  test('replaces what an old release installed', async () => {
    await insertOld('old00001', 5);
    expect(await clusters()).toEqual([5]);
    expect(await store.hmms.hasVisible()).toBe(true);
    await install(store, [6]);
    expect(await clusters()).toEqual([6]);
  });

  // A worker whose heartbeats were lost may still write while the next one begins anew.
  test('that is staged twice, even at once, holds each HMM once', async () => {
    const processId = await beginInstall(store);
    const annotations = [1, 2, 3].map((cluster) => annotationOf(cluster));
    await Promise.all([store.hmms.stage(processId, annotations), store.hmms.stage(processId, annotations)]);
    expect(await store.hmms.countOf(processId)).toBe(3);
    const ids = await store.hmms.collection.distinct('_id');
    for (const id of ids) expect(id).toMatch(/^[0-9a-z]{8}$/);
  });

  test('cannot begin while another one runs, even when two are asked for at once', async () => {
    await store.hmmStatus.refreshRelease(async () => releaseAnswer('v1.0.0'));
    const begun = await Promise.all([store.hmmStatus.beginInstall('bob'), store.hmmStatus.beginInstall('eve')]);
    expect(begun.filter((outcome) => outcome === 'in_progress')).toHaveLength(1);
    expect(await store.processes.collection.countDocuments()).toBe(1);
    expect((await store.hmmStatus.get()).updates).toHaveLength(1);
  });

  test('cannot begin without a known release, and leaves no process', async () => {
    expect(await store.hmmStatus.beginInstall('bob')).toBe('no_release');
    expect(await store.processes.collection.countDocuments()).toBe(0);
  });

  test('that fails leaves the former one and never blocks the next', async () => {
    const first = await install(store, [1]);
    const second = await beginInstall(store);
    await store.hmmStatus.fail(second, [{ id: 'download', message: 'Could not download HMM data' }]);
    expect(await store.hmmStatus.publish(second, 'import_annotations')).toBe(false);
    const status = await store.hmmStatus.get();
    expect(status).toMatchObject({ installation: first, installed: { ready: true }, process: null });
    expect(status.updates[1]).toMatchObject({ ready: false, error: 'Could not download HMM data' });
    expect(await clusters()).toEqual([1]);
    await install(store, [2]);
    expect(await clusters()).toEqual([2]);
  });

  // Old releases left an update unready for ever when an installation failed.
  test('that an old release left unfinished does not block the next', async () => {
    await store.hmmStatus.refreshRelease(async () => releaseAnswer('v1.0.0'));
    await store.database
      .collection('status')
      .updateOne(
        { _id: 'hmm' },
        { $set: { process: { id: 'gone0000' }, updates: [{ id: 1, name: 'v0', ready: false }] } },
      );
    expect(await store.hmmStatus.beginInstall('bob')).toMatchObject({ update: { ready: false } });
  });

  test('that is purged meanwhile is not published', async () => {
    const processId = await beginInstall(store);
    expect(await store.hmmStatus.purge()).toEqual({ stopped: processId });
    expect(await store.hmmStatus.publish(processId, 'import_annotations')).toBe(false);
    await store.hmmStatus.fail(processId, [{ id: 'cancelled', message: 'Cancelled' }]);
    expect(await store.hmmStatus.get()).toMatchObject({ installed: null, process: null, updates: [] });
  });
});

describe('a purge', () => {
  test('hides all at once, those of old releases too', async () => {
    await insertOld('old00001', 5);
    await store.hmmStatus.purge();
    expect(await clusters()).toEqual([]);
    expect(await store.hmms.hasVisible()).toBe(false);
  });

  test('makes the known release new again', async () => {
    await install(store, [1]);
    await store.hmmStatus.refreshRelease(async () => releaseAnswer('v1.0.0'));
    expect((await store.hmmStatus.get()).release?.newer).toBe(false);
    await store.hmmStatus.purge();
    expect((await store.hmmStatus.get()).release?.newer).toBe(true);
  });
});

describe('the id of a cluster', () => {
  test('is that of the current installation, whatever else has the number', async () => {
    await insertOld('00000000', 1);
    await insertOld('zzzzzzzz', 1, true);
    await insertOld('hidden00', 2, true);
    const first = await install(store, [1]);
    const second = await install(store, [1]);
    const idOf = async (installation: string) => (await store.hmms.collection.findOne({ installation }))?._id;
    const current = await store.hmms.clusterIds();
    expect(current.get(1)).toBe(await idOf(second));
    // A search that began before goes on with the profiles that it began with.
    expect((await store.hmms.clusterIds(first)).get(1)).toBe(await idOf(first));
    expect((await store.hmms.clusterIds(null)).get(1)).toBe('00000000');
    expect(current.get(2)).toBe('hidden00');
    expect(current.get(3)).toBeUndefined();
  });
});

describe('retiring', () => {
  test('removes what no result names and hides the rest', async () => {
    await insertOld('old00001', 5);
    await insertOld('old00002', 6);
    await install(store, [7]);
    expect(await store.hmms.installations()).toEqual(expect.arrayContaining([null]));
    expect(await store.hmms.retire([null], new Set(['old00002']))).toEqual({ removed: 1, hidden: 1 });
    expect(await store.hmms.get('old00001')).toBeNull();
    expect(await store.hmms.get('old00002')).toMatchObject({ hidden: true });
    expect(await store.hmms.retire([null], new Set(['old00002']))).toEqual({ removed: 0, hidden: 0 });
    expect(await clusters()).toEqual([7]);
  });
});

test('a search looks for a text in any name, ignoring case', async () => {
  const processId = await beginInstall(store);
  await store.hmms.stage(processId, [
    annotationOf(1, { names: ['Coat protein', 'CP'] }),
    annotationOf(2, { names: ['replicase (RdRp)', 'coat PROTEIN'] }),
    annotationOf(3),
  ]);
  await store.hmmStatus.publish(processId, 'import_annotations');
  expect(await clusters('COAT')).toEqual([1, 2]);
  expect(await clusters('(rdrp)')).toEqual([2]);
  expect(await store.hmms.list('coat', PAGE)).toMatchObject({ total_count: 3, found_count: 2 });
});

describe('a release check', () => {
  test('sends the tag of the release that is known, and keeps it when nothing is new', async () => {
    await store.hmmStatus.refreshRelease(async () => releaseAnswer('v1.0.0'));
    const before = (await store.hmmStatus.get()).release;
    let sent: string | undefined;
    await store.hmmStatus.refreshRelease(async (etag) => {
      sent = etag;
      return { ok: true, release: null };
    });
    expect(sent).toBe('W/"v1.0.0"');
    expect((await store.hmmStatus.get()).release).toEqual({ ...before, retrieved_at: expect.any(Date) });
  });

  test('finds out each time whether the release is newer than what is installed', async () => {
    const newer = async (name: string) =>
      (await store.hmmStatus.refreshRelease(async () => releaseAnswer(name))).release?.newer;
    expect(await newer('v1.0.0')).toBe(true);
    await install(store, [1]);
    expect(await newer('v1.0.0')).toBe(false);
    expect(await newer('v1.0.1')).toBe(true);
    expect(await newer('v0.9.0')).toBe(false);
    expect(await newer('latest')).toBe(true);
  });

  test('that fails is noted, and what is known stays', async () => {
    await store.hmmStatus.refreshRelease(async () => releaseAnswer('v1.0.0'));
    await store.hmmStatus.refreshRelease(async () => ({ ok: false, trouble: { reason: 'unreachable' } }));
    expect(await store.hmmStatus.get()).toMatchObject({
      errors: ['Could not reach GitHub'],
      release: { name: 'v1.0.0' },
    });
    await store.hmmStatus.refreshRelease(async () => ({ ok: true, release: null }));
    expect((await store.hmmStatus.get()).errors).toEqual([]);
  });
});
