import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { completePermissions } from '../../src/contracts/permissions.js';
import type { Stored } from '../../src/store/database/database.js';
import { createDocumentRepairs } from '../../src/store/start_up.js';
import { type TestStore, testStore } from '../support/store.js';

let site: TestStore;
beforeEach(async () => {
  site = await testStore();
});
afterEach(() => site.dispose());

type Loose = Stored & Record<string, unknown>;
const collection = (name: 'samples' | 'analyses' | 'files' | 'groups' | 'jobs') =>
  site.store.database.collection<Loose>(name);

async function repair(): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const [subject, run] of Object.entries(createDocumentRepairs(site.store))) {
    const count = await run();
    if (count > 0) counts[subject] = count;
  }
  return counts;
}

async function snapshot() {
  const names = ['samples', 'analyses', 'files', 'groups', 'jobs'] as const;
  return Promise.all(names.map((name) => collection(name).find().sort({ _id: 1 }).toArray()));
}

const file = (_id: string, changes: object = {}): Loose => ({
  _id,
  type: 'reads',
  ready: true,
  created: true,
  reserved: true,
  ...changes,
});
const job = (_id: string, state: string, args: object): Loose => ({
  _id,
  args,
  created_at: new Date(0),
  ...(['complete', 'error', 'cancelled'].includes(state) ? { ended: true } : {}),
  status: [{ state: 'waiting' }, { state }],
});
const rawFile = { name: 'reads_1.fq.gz', download_url: '/download/samples/x/reads_1.fq.gz', size: 5, raw: true };
const sample = (_id: string, changes: object = {}): Loose => ({
  _id,
  paired: false,
  srna: false,
  imported: false,
  files: [rawFile],
  pathoscope: false,
  nuvs: false,
  ...changes,
});

test('what is as it should be stays as it is', async () => {
  await collection('samples').insertMany([
    sample('s1', { pathoscope: true }),
    sample('s2', { imported: 'ip', files: [{ id: 'f', name: 'f' }] }),
  ]);
  await collection('analyses').insertOne({
    _id: 'a1',
    sample: { id: 's1' },
    algorithm: 'pathoscope_bowtie',
    ready: true,
    results: [],
  });
  await collection('groups').insertOne({ _id: 'g', permissions: completePermissions({ upload_file: true }) });
  await collection('files').insertMany([file('f1'), file('f2', { reserved: false })]);
  await collection('jobs').insertOne(job('j1', 'waiting', { files: [{ id: 'f1' }] }));
  const before = await snapshot();
  expect(await repair()).toEqual({});
  expect(await snapshot()).toEqual(before);
});

test('algorithm tags are those of the analyses, and only wrong ones are written', async () => {
  await collection('samples').insertMany([
    sample('none', { pathoscope: 'ip', nuvs: true }),
    sample('running', { pathoscope: true }),
    sample('old', { pathoscope: 'ip' }),
    sample('right', { nuvs: 'ip' }),
    sample('missing', { nuvs: undefined, pathoscope: undefined }),
  ]);
  const analysis = (_id: string, sampleId: string, algorithm: string, ready: boolean): Loose => ({
    _id,
    sample: { id: sampleId },
    algorithm,
    ready,
  });
  await collection('analyses').insertMany([
    analysis('a', 'running', 'pathoscope_bowtie', false),
    analysis('b', 'old', 'pathoscope_barracuda', true),
    analysis('c', 'old', 'pathoscope_bowtie', false),
    analysis('d', 'right', 'nuvs', false),
    analysis('e', 'gone', 'nuvs', true),
  ]);
  expect(await repair()).toEqual({ 'algorithm tags of samples': 4 });
  const tags = await collection('samples')
    .find({}, { projection: { pathoscope: 1, nuvs: 1 } })
    .sort({ _id: 1 })
    .toArray();
  expect(tags).toEqual([
    { _id: 'missing', pathoscope: false, nuvs: false },
    { _id: 'none', pathoscope: false, nuvs: false },
    { _id: 'old', pathoscope: true, nuvs: false },
    { _id: 'right', pathoscope: false, nuvs: 'ip' },
    { _id: 'running', pathoscope: 'ip', nuvs: false },
  ]);
  expect(await repair()).toEqual({});
});

test('samples of old releases get their flags and the files of today', async () => {
  const { paired: _p, srna: _s, ...bare } = sample('bare');
  const upload = { id: 'abcd1234-left.fq', name: 'left.fq', size: 7 };
  await collection('samples').insertMany([
    bare,
    { ...bare, _id: 'pair', imported: true, files: [upload, 'efgh5678-right.fq'] },
    { ...bare, _id: 'importing', imported: 'ip', files: [upload, upload] },
    { ...bare, _id: 'srna', srna: true, files: [] },
  ]);
  expect(await repair()).toEqual({ 'fields of samples': 4 });
  const all = new Map((await collection('samples').find().toArray()).map((found) => [found._id, found]));
  expect(all.get('bare')).toMatchObject({ paired: false, srna: false, files: [rawFile] });
  expect(all.get('importing')).toMatchObject({ paired: true, srna: false, files: [upload, upload] });
  expect(all.get('srna')).toMatchObject({ paired: false, srna: true, files: [] });
  const current = (n: number) => ({
    name: `reads_${n}.fastq`,
    download_url: `/download/samples/pair/reads_${n}.fastq`,
    size: null,
    raw: false,
  });
  expect(all.get('pair')).toMatchObject({ paired: true, srna: false });
  expect(all.get('pair')?.files).toEqual([
    { ...current(1), from: upload },
    { ...current(2), from: { id: 'efgh5678-right.fq', name: 'right.fq', size: 0 } },
  ]);
  expect(await repair()).toEqual({});
});

test('the diagnosis of an old analysis becomes its results', async () => {
  await collection('analyses').insertMany([
    { _id: 'old', sample: { id: 's' }, algorithm: 'pathoscope_bowtie', ready: true, diagnosis: [{ id: 'x' }] },
    { _id: 'new', sample: { id: 's' }, algorithm: 'pathoscope_bowtie', ready: true, results: [] },
  ]);
  expect(await repair()).toEqual({ 'fields of analyses': 1 });
  const old = await collection('analyses').findOne({ _id: 'old' });
  expect(old).toHaveProperty('results', [{ id: 'x' }]);
  expect(old).not.toHaveProperty('diagnosis');
});

test('group permissions are the eight of today', async () => {
  await collection('groups').insertMany([
    { _id: 'bare' },
    { _id: 'empty', permissions: null },
    { _id: 'old', permissions: { create_sample: true, archive_job: true }, _version: 3 },
    { _id: 'odd', permissions: { ...completePermissions({ create_ref: true }), modify_hmm: 'yes' } },
  ]);
  expect(await repair()).toEqual({ 'permissions of groups': 4 });
  expect(await collection('groups').find().sort({ _id: 1 }).toArray()).toEqual([
    { _id: 'bare', permissions: completePermissions({}) },
    { _id: 'empty', permissions: completePermissions({}) },
    { _id: 'odd', permissions: completePermissions({ create_ref: true }) },
    { _id: 'old', permissions: completePermissions({ create_sample: true }) },
  ]);
  expect(await repair()).toEqual({});
});

test('jobs of older releases get the time of their first status, samples lose the texts once stored for searches', async () => {
  const { created_at: _c, ...undated } = job('j', 'running', {});
  const first = new Date(1e12);
  await collection('jobs').insertMany([
    {
      ...undated,
      status: [
        { state: 'waiting', timestamp: first },
        { state: 'running', timestamp: new Date(2e12) },
      ],
    },
    { ...undated, _id: 'bare', status: [] },
    { ...undated, _id: 'old', created_at: first, status: [{ state: 'waiting' }, { state: 'error' }] },
  ]);
  await collection('samples').insertMany([sample('old', { find: ['leaf', 'vitis', 'bob'] }), sample('new')]);
  expect(await repair()).toEqual({ 'creation times of jobs': 2, 'ends of jobs': 1, 'fields of samples': 1 });
  expect(await collection('jobs').findOne({ _id: 'j' })).toMatchObject({ created_at: first });
  expect(await site.store.jobs.unfinishedIds()).toEqual(['bare', 'j']);
  expect(await collection('samples').countDocuments({ find: { $exists: true } })).toBe(0);
  expect(await repair()).toEqual({});
});

describe('reservations', () => {
  const reserved = async () =>
    (await collection('files').find({ reserved: true }).sort({ _id: 1 }).toArray()).map(({ _id }) => _id);

  test('of ended and missing jobs end, those of jobs that wait or run stay', async () => {
    const names = ['waiting', 'running', 'host', 'legacy', 'complete', 'failed', 'cancelled', 'nobody', 'replacement'];
    await collection('files').insertMany([
      ...names.map((name) => file(name)),
      { _id: 'bare', type: 'reads', ready: true, created: true },
    ]);
    await collection('jobs').insertMany([
      job('1', 'waiting', { sample_id: 's', files: [{ id: 'waiting', name: 'waiting' }] }),
      job('2', 'running', { files: [{ id: 'running' }] }),
      job('3', 'running', { subtraction_id: 'Vitis', file_id: 'host' }),
      job('4', 'running', { files: ['legacy'] }),
      job('5', 'complete', { files: [{ id: 'complete' }] }),
      job('6', 'error', { file_id: 'failed' }),
      job('7', 'cancelled', { files: [{ id: 'cancelled' }] }),
    ]);
    await collection('samples').insertOne(sample('s', { files: [{ ...rawFile, replacement: { id: 'replacement' } }] }));
    expect(await repair()).toEqual({ 'reservations of files': 5 });
    expect(await reserved()).toEqual(['host', 'legacy', 'replacement', 'running', 'waiting']);
    expect(await collection('files').findOne({ _id: 'bare' })).toHaveProperty('reserved', false);
    expect(await repair()).toEqual({});
  });

  // The repairs run beside a server that works.
  test('that are made meanwhile stay', async () => {
    await collection('files').insertOne(file('f'));
    const { files, jobs, database } = site.store;
    let tries = 0;
    const releaseFromAll: typeof files.releaseFromAll = async (ids, session) => {
      tries += 1;
      if (tries === 1) {
        await files.releaseFromAll(ids);
        await database.transaction(async (own) => {
          await files.reserve(['f'], 'reads', 'j', own);
          const args = { files: [{ id: 'f' }] };
          await jobs.insert({ _id: 'j', task: 'create_sample', args, proc: 1, mem: 1, userId: 'bob' }, own);
        });
      }
      return files.releaseFromAll(ids, session);
    };
    const repairs = createDocumentRepairs({ ...site.store, files: { ...files, releaseFromAll } });
    expect(await repairs['reservations of files']?.()).toBe(0);
    expect(tries).toBe(1);
    expect(await reserved()).toEqual(['f']);
  });
});
