import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { AnalysisDocument } from '../../../src/store/analyses.js';
import type { SampleDocument } from '../../../src/store/samples/samples.js';
import { type Laboratory, laboratory } from '../../support/laboratory.js';
import { insertOtu, otuOf, referenceOf } from '../../support/references.js';

let lab: Laboratory;
beforeEach(async () => {
  lab = await laboratory({ bob: { groups: ['lab'] }, reader: { groups: ['lab'] }, stranger: {} });
  await lab.addHost('Vitis');
  await addSample('s1');
  await lab.store.references.insert(referenceOf({ _id: 'r1', name: 'Plant viruses' }));
  await addIndex('i1', { version: 0 });
});
afterEach(() => lab.dispose());

async function addSample(id: string, changes: Partial<SampleDocument> = {}): Promise<void> {
  await lab.store.samples.collection.insertOne({
    _id: id,
    name: `Sample ${id}`,
    paired: false,
    files: [],
    format: 'fastq',
    imported: false,
    quality: { count: 10 },
    subtraction: { id: 'Vitis' },
    pathoscope: false,
    nuvs: false,
    created_at: new Date(0),
    analyzed: false,
    hold: true,
    archived: false,
    user: { id: 'bob' },
    group: 'lab',
    group_read: true,
    group_write: false,
    all_read: false,
    all_write: false,
    ...changes,
  });
}

async function addIndex(id: string, changes: { version: number; ready?: boolean; reference?: { id: string } }) {
  await lab.store.indexBuilds.collection.insertOne({
    _id: id,
    created_at: new Date(0),
    manifest: {},
    ready: true,
    has_files: true,
    job: { id: 'j' },
    reference: { id: 'r1' },
    user: { id: 'bob' },
    ...changes,
  });
}

async function addAnalysis(id: string, changes: Partial<AnalysisDocument> = {}): Promise<void> {
  await lab.store.analyses.collection.insertOne({
    _id: id,
    ready: true,
    created_at: new Date(0),
    algorithm: 'pathoscope_bowtie',
    sample: { id: 's1' },
    reference: { id: 'r1', name: 'Plant viruses' },
    index: { id: 'i1', version: 0 },
    user: { id: 'bob' },
    job: { id: 'j1' },
    results: [],
    ...changes,
  });
}

const PATHOSCOPE = { algorithm: 'pathoscope_bowtie', ref_id: 'r1' };
const post = (user: string, body: unknown, sample = 's1') =>
  lab.send(user, 'POST', `/api/samples/${sample}/analyses`, body);
const messageOf = ({ status, body }: { status: number; body: { message: string } }) => [status, body.message];

describe('starting an analysis', () => {
  test('makes analysis and job at once and starts the workflow', async () => {
    await addIndex('i2', { version: 1 });
    await addIndex('i3', { version: 2, ready: false });
    await addIndex('other', { version: 7, reference: { id: 'r2' } });
    const { status, headers, body } = await post('bob', PATHOSCOPE);
    expect(status).toBe(201);
    expect(headers.get('Location')).toBe(`/api/analyses/${body.id}`);
    expect(body).toEqual({
      id: expect.stringMatching(/^[a-z0-9]{8}$/),
      ready: false,
      created_at: expect.any(String),
      job: { id: expect.stringMatching(/^[a-z0-9]{8}$/) },
      algorithm: 'pathoscope_bowtie',
      sample: { id: 's1' },
      index: { id: 'i2', version: 1 },
      reference: { id: 'r1', name: 'Plant viruses' },
      user: { id: 'bob' },
    });
    const job = await lab.store.jobs.get(body.job.id);
    expect(job).toMatchObject({
      task: 'pathoscope_bowtie',
      args: { analysis_id: body.id, ref_id: 'r1', sample_id: 's1', sample_name: 'Sample s1', index_id: 'i2' },
      user: { id: 'bob' },
    });
    expect(lab.started.map(({ workflowId, workflowType }) => [workflowId, workflowType])).toEqual([
      [`job-${body.job.id}`, 'pathoscope_bowtie'],
    ]);
    expect(await lab.store.samples.get('s1')).toMatchObject({ pathoscope: 'ip', nuvs: false });
  });

  test('is refused for the first of its reasons, and then leaves nothing behind', async () => {
    await addSample('importing', { imported: 'ip', quality: null });
    await addSample('hostless', { subtraction: { id: 'Gone' } });
    await lab.addHost('Unready', { ready: false });
    await addSample('unready', { subtraction: { id: 'Unready' } });
    await lab.store.references.insert(referenceOf({ _id: 'r0' }));

    const broken = await post('stranger', { algorithm: 'pathoscope_barracuda', ref_id: 5 }, 'unknown1');
    expect(broken.status).toBe(422);
    expect(broken.body.errors).toEqual({
      algorithm: ['unallowed value pathoscope_barracuda'],
      ref_id: ['must be of string type'],
    });
    expect((await post('bob', {})).body.errors).toEqual({ algorithm: ['required field'], ref_id: ['required field'] });
    const unknown = { algorithm: 'nuvs', ref_id: 'unknown1' };
    expect(messageOf(await post('bob', unknown, 'unknown1'))).toEqual([404, 'Not found']);
    expect(messageOf(await post('reader', unknown))).toEqual([403, 'Insufficient rights']);
    expect(messageOf(await post('stranger', unknown))).toEqual([403, 'Insufficient rights']);
    expect(messageOf(await post('bob', unknown))).toEqual([400, 'Reference does not exist']);
    expect(messageOf(await post('bob', { ...PATHOSCOPE, ref_id: 'r0' }))).toEqual([400, 'No ready index']);
    expect(messageOf(await post('bob', PATHOSCOPE, 'importing'))).toEqual([409, 'Sample is still being imported']);
    expect(messageOf(await post('bob', PATHOSCOPE, 'hostless'))).toEqual([400, 'Subtraction does not exist']);
    expect(messageOf(await post('bob', PATHOSCOPE, 'unready'))).toEqual([409, 'Subtraction is not ready']);
    expect(messageOf(await post('bob', { ...PATHOSCOPE, algorithm: 'nuvs' }))).toEqual([400, 'No HMM data installed']);

    expect(await lab.store.analyses.collection.countDocuments()).toBe(0);
    expect(await lab.store.jobs.collection.countDocuments()).toBe(0);
    expect(lab.started).toEqual([]);
  });
});

describe('listing the analyses of a sample', () => {
  beforeEach(async () => {
    await addAnalysis('old', { created_at: new Date(1_000) });
    await addAnalysis('new', { created_at: new Date(2_000), ready: false, user: { id: 'carl' } });
    await addAnalysis('other', { sample: { id: 's2' } });
  });
  const list = async (query = '') => (await lab.send('reader', 'GET', `/api/samples/s1/analyses${query}`)).body;
  const ids = (body: { documents: { id: string }[] }) => body.documents.map(({ id }) => id);

  test('gives the newest first, without results', async () => {
    const body = await list();
    expect(body).toMatchObject({ total_count: 2, found_count: 2, page_count: 1, per_page: 25, page: 1 });
    expect(body.documents[0]).toEqual({
      id: 'new',
      algorithm: 'pathoscope_bowtie',
      created_at: '1970-01-01T00:00:02Z',
      ready: false,
      job: { id: 'j1' },
      index: { id: 'i1', version: 0 },
      user: { id: 'carl' },
      reference: { id: 'r1', name: 'Plant viruses' },
      sample: { id: 's1' },
    });
    expect(ids(await list('?per_page=1&page=2'))).toEqual(['old']);
  });

  test('finds by reference name and user, with `find` as with `term`', async () => {
    for (const key of ['find', 'term']) {
      expect(ids(await list(`?${key}=CARL`))).toEqual(['new']);
      expect(ids(await list(`?${key}=plant`))).toEqual(['new', 'old']);
      expect(await list(`?${key}=nothing`)).toMatchObject({ total_count: 2, found_count: 0, documents: [] });
    }
  });

  test('is for those who may read the sample', async () => {
    expect((await lab.send('stranger', 'GET', '/api/samples/s1/analyses')).status).toBe(403);
    expect((await lab.send('head', 'GET', '/api/samples/unknown1/analyses')).status).toBe(404);
    expect((await lab.send('head', 'GET', '/api/samples/s1/analyses')).status).toBe(200);
  });
});

describe('getting an analysis', () => {
  test('gives one that is not ready without results, with the subtraction of its sample', async () => {
    await addAnalysis('a1', { ready: false });
    await lab.store.analyses.collection.updateOne({ _id: 'a1' }, { $unset: { results: '' } });
    const { status, body } = await lab.send('reader', 'GET', '/api/analyses/a1');
    expect(status).toBe(200);
    expect(body).toMatchObject({ id: 'a1', ready: false, subtraction: { id: 'Vitis' } });
    expect(body.results).toEqual([]);
  });

  test('is refused without analysis, without sample and without the right to read', async () => {
    await addAnalysis('a1');
    await addAnalysis('orphan', { sample: { id: 'gone' } });
    const get = async (user: string, id: string) => messageOf(await lab.send(user, 'GET', `/api/analyses/${id}`));
    expect(await get('head', 'unknown1')).toEqual([404, 'Not found']);
    expect(await get('head', 'orphan')).toEqual([400, 'Parent sample does not exist']);
    expect(await get('stranger', 'a1')).toEqual([403, 'Insufficient rights']);
  });

  test('reads results from a file, and says so when that is gone', async () => {
    await addAnalysis('a1', { results: 'file', algorithm: 'nuvs' });
    expect(messageOf(await lab.send('bob', 'GET', '/api/analyses/a1'))).toEqual([404, 'Results not found']);
    const folder = lab.data.analysis('s1', 'a1');
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, 'results.json'), JSON.stringify([{ index: 0, sequence: 'ACGT', orfs: [] }]));
    const { body } = await lab.send('bob', 'GET', '/api/analyses/a1');
    expect(body.results).toEqual([{ index: 0, sequence: 'ACGT', orfs: [] }]);
  });
});

describe('the results of Pathoscope', () => {
  const THRESHOLDS = { positive_coverage: 0.9, negative_coverage: 0.1, strong_weight: 0 };
  const hit = {
    ...{ id: 'a_otu1', otu: { id: 'otu1', version: 0 }, align: [0, 1, 1], coverage: 0.667, depth: 1 },
    final: { pi: 1, best: 1, high: 1, low: 0, reads: 2 },
  };
  const get = (user = 'reader', id = 'a1') => lab.send(user, 'GET', `/api/analyses/${id}`);
  beforeEach(async () => {
    await insertOtu(lab.store, otuOf('r1', { _id: 'otu1' }));
  });

  test('are formatted once; the right to read them is asked for each time', async () => {
    await addAnalysis('a1', { results: [hit] });
    const first = await get();
    expect(first.body.results).toMatchObject([{ id: 'otu1', name: 'Virus otu1', decision: { call: 'positive' } }]);
    expect(first.headers.get('Content-Type')).toBe('application/json; charset=utf-8');
    await lab.store.otus.collection.deleteMany({});
    await lab.store.analyses.collection.updateOne({ _id: 'a1' }, { $set: { 'results.0.otu.id': 'gone' } });
    expect((await get()).body).toEqual(first.body);
    expect(messageOf(await get('stranger'))).toEqual([403, 'Insufficient rights']);
    await lab.store.samples.collection.updateOne({ _id: 's1' }, { $set: { group_read: false } });
    expect(messageOf(await get())).toEqual([403, 'Insufficient rights']);
    await lab.store.analyses.remove('a1');
    expect(messageOf(await get())).toEqual([404, 'Not found']);
  });

  test('are formatted once for all who ask at the same time', async () => {
    await addAnalysis('a1', { results: [hit] });
    const reading = vi.spyOn(lab.store.analyses, 'getResults');
    const [first, ...others] = await Promise.all([get(), get(), get('bob'), get('head')]);
    expect(first?.status).toBe(200);
    for (const other of others) expect(other.body).toEqual(first?.body);
    expect(reading).toHaveBeenCalledTimes(1);
  });

  test('carry decisions by the thresholds of now', async () => {
    await addAnalysis('a1', { results: [hit] });
    expect((await get()).body.results[0].decision.call).toBe('positive');
    await lab.send('head', 'PATCH', '/api/settings', { decision_thresholds: THRESHOLDS });
    expect((await get()).body.results[0].decision).toMatchObject({ call: 'suspect', thresholds: THRESHOLDS });
  });

  test('are read from a file as from the document', async () => {
    await addAnalysis('a1', { results: [hit] });
    await addAnalysis('a2', { results: 'file' });
    const folder = lab.data.analysis('s1', 'a2');
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, 'results.json'), JSON.stringify([hit], null, 4));
    expect((await get('reader', 'a2')).body.results).toEqual((await get()).body.results);
  });
});

describe('removing an analysis', () => {
  test('takes its folder too and brings the tags of the sample up to date', async () => {
    await lab.store.samples.collection.updateOne({ _id: 's1' }, { $set: { pathoscope: true } });
    await addAnalysis('a1');
    await addAnalysis('a2', { ready: false });
    const folder = lab.data.analysis('s1', 'a1');
    await mkdir(folder, { recursive: true });
    expect((await lab.send('bob', 'DELETE', '/api/analyses/a1')).status).toBe(204);
    expect(existsSync(folder)).toBe(false);
    expect(await lab.store.samples.get('s1')).toMatchObject({ pathoscope: 'ip' });
    expect((await lab.send('bob', 'GET', '/api/analyses/a1')).status).toBe(404);
  });

  // The original deleted the document and then failed, when there was no folder.
  test('works without a folder', async () => {
    await addAnalysis('a1');
    expect((await lab.send('bob', 'DELETE', '/api/analyses/a1')).status).toBe(204);
    expect(await lab.store.samples.get('s1')).toMatchObject({ pathoscope: false });
  });

  test('is refused while it runs, without the right to write, without sample and without analysis', async () => {
    await addAnalysis('a1', { ready: false });
    await addAnalysis('orphan', { sample: { id: 'gone' } });
    const remove = async (user: string, id: string) => messageOf(await lab.send(user, 'DELETE', `/api/analyses/${id}`));
    expect(await remove('bob', 'a1')).toEqual([409, 'Analysis is still running']);
    expect(await remove('reader', 'a1')).toEqual([403, 'Insufficient rights']);
    expect(await remove('head', 'orphan')).toEqual([400, 'Parent sample does not exist']);
    expect(await remove('head', 'unknown1')).toEqual([404, 'Not found']);
  });
});
