import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { AnalysisDocument } from '../../../src/store/analyses.js';
import type { IndexDocument } from '../../../src/store/indexes/index_builds.js';
import type { SampleDocument } from '../../../src/store/samples/samples.js';
import { annotationOf } from '../../support/hmms.js';
import { type Answer, type Laboratory, laboratory } from '../../support/laboratory.js';
import { referenceOf } from '../../support/references.js';

let lab: Laboratory;
beforeEach(async () => {
  lab = await laboratory({ bob: { groups: ['lab'] }, reader: { groups: ['lab'] } });
  await lab.addHost('Vitis');
  for (const id of ['s1', 's2', 's3']) await addSample(id);
  for (const [ref, index] of [
    ['r1', 'i1'],
    ['r2', 'i2'],
  ] as const) {
    const member = { build: false, modify: false, modify_otu: false, remove: false };
    const users = ['bob', 'reader'].map((id) => ({ id, ...member }));
    await lab.store.references.insert(referenceOf({ _id: ref, name: `Reference ${ref}`, users }));
    await addIndex(index, { reference: { id: ref } });
  }
});
afterEach(() => lab.dispose());

async function addSample(id: string, changes: Partial<SampleDocument> = {}): Promise<void> {
  const rights = { group_read: true, group_write: false, all_read: false, all_write: false };
  await lab.store.samples.collection.insertOne({
    ...{ _id: id, name: `Sample ${id}`, paired: false, files: [], format: 'fastq', imported: false },
    ...{
      quality: { count: 10 },
      subtraction: { id: 'Vitis' },
      pathoscope: false,
      nuvs: false,
      created_at: new Date(0),
    },
    ...{ analyzed: false, hold: true, archived: false, user: { id: 'bob' }, group: 'lab', ...rights, ...changes },
  } as SampleDocument);
}

async function addIndex(id: string, changes: Partial<IndexDocument>): Promise<void> {
  await lab.store.indexBuilds.collection.insertOne({
    ...{ _id: id, version: 0, created_at: new Date(0), manifest: {}, ready: true, has_files: true },
    ...{ job: { id: 'j' }, reference: { id: 'r1' }, user: { id: 'bob' }, ...changes },
  });
}

async function addHmm(): Promise<void> {
  await lab.database.collection('hmm').insertOne({ _id: 'h1', hidden: false, ...annotationOf(1) } as never);
}

async function expectNothingStarted(): Promise<void> {
  expect(await lab.store.analyses.collection.countDocuments({ ready: false })).toBe(0);
  expect(await lab.store.jobs.collection.countDocuments()).toBe(0);
  expect(lab.started).toEqual([]);
}

const refusalOf = ({ status, body }: Answer) => [status, body.id, body.message];

describe('a batch', () => {
  const post = (user: string, body: unknown) => lab.send(user, 'POST', '/api/analyses/batch', body);

  test('starts every combination, in the order of the request', async () => {
    await addHmm();
    const workflows = ['nuvs', 'pathoscope_bowtie'];
    const { status, body } = await post('bob', { samples: ['s2', 's1'], references: ['r1', 'r2'], workflows });
    expect(status).toBe(201);
    const shown = (body.analyses as AnalysisDocument[]).map((a) => [a.sample.id, a.index.id, a.algorithm].join(' '));
    expect(shown).toEqual([
      ...['s2 i1 nuvs', 's2 i1 pathoscope_bowtie', 's2 i2 nuvs', 's2 i2 pathoscope_bowtie'],
      ...['s1 i1 nuvs', 's1 i1 pathoscope_bowtie', 's1 i2 nuvs', 's1 i2 pathoscope_bowtie'],
    ]);
    expect(body.analyses[0]).toMatchObject({ ready: false, reference: { id: 'r1', name: 'Reference r1' } });
    const jobIds = await lab.store.jobs.unfinishedIds();
    expect(jobIds.sort()).toEqual(body.analyses.map((a: AnalysisDocument) => a.job.id).sort());
    expect(lab.started.map(({ workflowId }) => workflowId).sort()).toEqual(jobIds.map((id) => `job-${id}`));
    for (const id of ['s1', 's2'])
      expect(await lab.store.samples.get(id)).toMatchObject({ pathoscope: 'ip', nuvs: 'ip' });
    expect(await lab.store.samples.get('s3')).toMatchObject({ pathoscope: false, nuvs: false });
  });

  test('starts nothing when anything is wrong, and tells all that is', async () => {
    await addSample('private', { user: { id: 'head' }, group: 'none' });
    await addSample('importing', { imported: 'ip', quality: null });
    await addSample('hostless', { subtraction: { id: 'Gone' } });
    await lab.store.references.insert(referenceOf({ _id: 'r0' }));
    const answer = await post('bob', {
      samples: ['s1', 'unknown1', 'private', 'importing', 'hostless'],
      references: ['r1', 'unknown1', 'r0'],
      workflows: ['pathoscope_bowtie', 'nuvs'],
    });
    expect(refusalOf(answer)).toEqual([400, 'bad_request', 'Nothing was started: 7 problems']);
    expect(answer.body.problems).toEqual([
      { sample_id: 'unknown1', id: 'not_found', message: 'Not found' },
      { sample_id: 'private', id: 'insufficient_rights', message: 'Insufficient rights' },
      { sample_id: 'importing', id: 'conflict', message: 'Sample is still being imported' },
      { sample_id: 'hostless', id: 'bad_request', message: 'Subtraction does not exist' },
      { ref_id: 'unknown1', id: 'bad_request', message: 'Reference does not exist' },
      { ref_id: 'r0', id: 'bad_request', message: 'No ready index' },
      { algorithm: 'nuvs', id: 'bad_request', message: 'No HMM data installed' },
    ]);
    await expectNothingStarted();
    const reader = await post('reader', { samples: ['s1'], references: ['r1'], workflows: ['pathoscope_bowtie'] });
    expect(reader.body).toMatchObject({
      message: 'Nothing was started: one problem',
      problems: [{ sample_id: 's1', id: 'insufficient_rights' }],
    });
  });

  test('names everything once, something of each kind, and starts 200 at most', async () => {
    const errorsOf = async (changes: object) => {
      const body = { samples: ['s1'], references: ['r1'], workflows: ['pathoscope_bowtie'], ...changes };
      const answer = await post('bob', body);
      expect(answer.status).toBe(422);
      return answer.body.errors;
    };
    expect(await errorsOf({ samples: [] })).toEqual({ samples: ['empty values not allowed'] });
    expect(await errorsOf({ references: ['r1', 'r1'] })).toEqual({ references: ['must not name anything twice'] });
    expect(await errorsOf({ workflows: ['blast'] })).toEqual({ workflows: [{ 0: ['unallowed value blast'] }] });
    expect(await errorsOf({ samples: undefined })).toEqual({ samples: ['required field'] });
    const samples = Array.from({ length: 101 }, (_, i) => `sample${i}`);
    expect(await errorsOf({ samples, references: ['r1', 'r2'] })).toEqual({
      body: ['at most 200 analyses may be started at once'],
    });
  });

  // Each start may take a second when Temporal does not answer.
  test('leaves what cannot be started in time to the reconciler', async () => {
    const samples = Array.from({ length: 60 }, (_, i) => `many${i}`);
    for (const id of samples) await addSample(id);
    lab.hooks.onStart = () => new Promise((resolve) => setTimeout(resolve, 1_000));
    const { status, body } = await post('bob', { samples, references: ['r1'], workflows: ['pathoscope_bowtie'] });
    expect([status, body.analyses.length]).toEqual([201, 60]);
    expect(await lab.store.jobs.collection.countDocuments()).toBe(60);
    expect(lab.started.length).toBeLessThan(60);
  }, 30_000);
});

describe('a rerun', () => {
  async function addAnalysis(id: string, changes: Partial<AnalysisDocument> = {}): Promise<void> {
    await lab.store.analyses.collection.insertOne({
      ...{ _id: id, ready: true, created_at: new Date(0), algorithm: 'pathoscope_bowtie', sample: { id: 's1' } },
      ...{ reference: { id: 'r1', name: 'Old name' }, index: { id: 'i1', version: 0 }, user: { id: 'bob' } },
      ...{ job: { id: 'j1' }, results: [], ...changes },
    });
  }
  const post = (user: string, id: string, body: unknown = {}) =>
    lab.send(user, 'POST', `/api/analyses/${id}/rerun`, body);

  test('repeats an analysis with the index that it had, or with the newest ready one', async () => {
    await addIndex('newer', { version: 1 });
    await addIndex('unready', { version: 2, ready: false });
    await addAnalysis('a1');
    for (const [body, index] of [
      [undefined, 'i1'],
      [{ index: 'same' }, 'i1'],
      [{ index: 'latest' }, 'newer'],
    ] as const) {
      const answer = await post('bob', 'a1', body);
      expect(answer.status).toBe(201);
      expect(answer.headers.get('Location')).toBe(`/api/analyses/${answer.body.id}`);
      expect(answer.body).toMatchObject({
        ...{ ready: false, algorithm: 'pathoscope_bowtie', sample: { id: 's1' }, rerun_of: { id: 'a1' } },
        ...{ index: { id: index }, reference: { id: 'r1', name: 'Reference r1' } },
      });
      const job = await lab.store.jobs.get(answer.body.job.id);
      expect(job?.args).toMatchObject({ analysis_id: answer.body.id, index_id: index });
      expect(lab.started.at(-1)?.workflowId).toBe(`job-${answer.body.job.id}`);
    }
  });

  test('is refused for the first of its reasons, and then leaves nothing behind', async () => {
    await addIndex('newer', { version: 1 });
    await addSample('importing', { imported: 'ip', quality: null });
    await addAnalysis('a1');
    await addAnalysis('orphan', { sample: { id: 'gone' } });
    await addAnalysis('old', { algorithm: 'pathoscope_barracuda' as never });
    await addAnalysis('refless', { reference: { id: 'gone', name: 'Gone' } });
    await addAnalysis('stale', { index: { id: 'i0', version: 0 } });
    await addAnalysis('early', { sample: { id: 'importing' } });
    await addAnalysis('hmmless', { algorithm: 'nuvs' });
    await addIndex('i0', { version: 7, ready: true, has_files: false, reference: { id: 'r3' } });
    expect((await post('bob', 'a1', { index: 'oldest' })).status).toBe(422);
    expect(refusalOf(await post('bob', 'unknown1'))).toEqual([404, 'not_found', 'Not found']);
    expect(refusalOf(await post('head', 'orphan'))).toEqual([400, 'bad_request', 'Parent sample does not exist']);
    expect(refusalOf(await post('reader', 'a1'))).toEqual([403, 'insufficient_rights', 'Insufficient rights']);
    expect(refusalOf(await post('bob', 'old'))[2]).toBe('Algorithm is not available any more');
    expect(refusalOf(await post('bob', 'refless'))[2]).toBe('Reference does not exist');
    const stale = [409, 'conflict', 'The files of the index are gone. Use the latest index'];
    expect(refusalOf(await post('bob', 'stale'))).toEqual(stale);
    expect(refusalOf(await post('bob', 'early'))).toEqual([409, 'conflict', 'Sample is still being imported']);
    expect(refusalOf(await post('bob', 'hmmless'))).toEqual([400, 'bad_request', 'No HMM data installed']);
    await expectNothingStarted();
    await lab.store.analyses.collection.updateOne({ _id: 'a1' }, { $set: { ready: false } });
    expect(refusalOf(await post('bob', 'a1'))).toEqual([409, 'conflict', 'Analysis is still running']);
  });
});
