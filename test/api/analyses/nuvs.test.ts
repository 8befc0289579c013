import { join } from 'node:path';
import { Hono } from 'hono';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createAnalysisRoutes } from '../../../src/api/analyses/routes.js';
import type { Caller } from '../../../src/api/http/caller.js';
import { requestLog } from '../../../src/api/http/middleware.js';
import { registerRoutes } from '../../../src/api/http/register.js';
import type { Env } from '../../../src/api/http/route.js';
import { completePermissions } from '../../../src/contracts/permissions.js';
import type { AnalysisDocument } from '../../../src/store/analyses.js';
import { testFolder } from '../../support/folders.js';
import { install } from '../../support/hmms.js';
import { type Answer, type Laboratory, laboratory } from '../../support/laboratory.js';
import { quietLogger } from '../../support/logger.js';
import { referenceOf } from '../../support/references.js';

let lab: Laboratory;
beforeEach(async () => {
  lab = await laboratory({ bob: {}, stranger: {} });
  await lab.addHost('Vitis');
  await lab.store.samples.collection.insertOne({
    ...{
      _id: 's1',
      name: 'Sample',
      paired: false,
      files: [],
      format: 'fastq',
      imported: false,
      quality: { count: 10 },
    },
    ...{ subtraction: { id: 'Vitis' }, pathoscope: false, nuvs: false, created_at: new Date(0), analyzed: false },
    ...{ hold: true, archived: false, user: { id: 'bob' }, group: 'none' },
    ...{ group_read: false, group_write: false, all_read: false, all_write: false },
  });
});
afterEach(() => lab.dispose());

const figures = {
  full_e: 7.3e-119,
  full_score: 388.1,
  full_bias: 0.1,
  best_e: 9e-119,
  best_score: 387.8,
  best_bias: 0,
};
const CONTIGS = [
  {
    index: 0,
    sequence: 'ACGTACGTAC',
    orfs: [
      {
        ...{ index: 0, pro: 'MKV', frame: 0, strand: 1, pos: [0, 9] },
        hits: [
          { hit: 'h1', ...figures },
          { hit: 'gone', ...figures, full_e: 0 },
        ],
      },
      { index: 1, pro: 'VRT', frame: 1, strand: -1, pos: [0, 9], hits: [] },
    ],
  },
  { index: 1, sequence: 'GGCC', orfs: [{ index: 0, pro: 'G', frame: 2, strand: 1, pos: [1, 4], hits: [] }] },
];

async function addAnalysis(changes: Partial<AnalysisDocument> = {}): Promise<void> {
  await lab.store.analyses.collection.insertOne({
    ...{ _id: 'a1', ready: true, created_at: new Date(0), algorithm: 'nuvs' as const, sample: { id: 's1' } },
    ...{ reference: { id: 'r1', name: 'R' }, index: { id: 'i1', version: 0 }, user: { id: 'bob' }, job: { id: 'j1' } },
    results: CONTIGS,
    ...changes,
  });
}

async function addHmm(): Promise<void> {
  const known = { cluster: 408, families: { Solemoviridae: 3, None: 1 }, names: ['polymerase', 'a "long" name'] };
  await lab.store.database.collection('hmm').insertOne({ _id: 'h1', ...known, hidden: true } as never);
}

const get = (file: string, user = 'bob') => lab.send(user, 'GET', `/download/analyses/${file}`);
const messageOf = ({ status, body }: Answer) => [status, body.message];

// That client looks for the longest contig before it shows anything, and waits for ever where there is none.
test('a result without contigs is shown as one to the page of release 3.7.3 only, where that is served', async () => {
  await addAnalysis({ results: [] });
  await addAnalysis({ _id: 'running', ready: false });
  await addAnalysis({ _id: 'found' });
  const clientFolder = testFolder();
  const permissions = completePermissions({});
  const caller: Caller = { via: 'session', userId: 'bob', administrator: false, groups: [], permissions };
  const serve = (folder: string) => {
    const app = new Hono<Env>();
    app.use(requestLog(quietLogger));
    registerRoutes(app, createAnalysisRoutes(lab.deps, folder), {
      authenticate: async () => caller,
      audit: lab.deps.store.audit,
    });
    return app;
  };
  const resultsOf = async (id: string, referer?: string, folder = clientFolder) => {
    const headers = { Host: 'lab.example', ...(referer === undefined ? {} : { Referer: referer }) };
    const answer = await serve(folder).request(`http://lab.example/api/analyses/${id}`, { headers });
    expect(answer.status).toBe(200);
    return ((await answer.json()) as { results: unknown[] }).results;
  };
  const page = 'http://lab.example/samples/s1/analyses/a1';
  const emptyContig = [{ index: 0, sequence: '', orfs: [] }];
  for (const id of ['a1', 'running']) {
    expect(await resultsOf(id, page), id).toEqual(emptyContig);
    for (const other of [undefined, 'http://lab.example/api/docs', 'http://other.example/samples/s1', 'no address']) {
      expect(await resultsOf(id, other), `${id} ${other}`).toEqual([]);
    }
    expect(await resultsOf(id, page, join(clientFolder, 'absent'))).toEqual([]);
  }
  expect(await resultsOf('found', page)).toHaveLength(2);
  expect((await get('a1.fa')).body).toBe('');
});

describe('files of a NuVs result', () => {
  test('are the contigs', async () => {
    await addAnalysis();
    const { status, headers, body } = await get('a1.fa');
    expect(status).toBe(200);
    expect(headers.get('Content-Type')).toBe('text/plain; charset=utf-8');
    expect(headers.get('Content-Disposition')).toBe('attachment; filename=a1.fa');
    expect(body).toBe('>sequence_0 length=10 orfs=2 hits=2\nACGTACGTAC\n>sequence_1 length=4 orfs=1 hits=0\nGGCC\n');
  });

  test('are the proteins', async () => {
    await addAnalysis();
    const { headers, body } = await get('a1.orfs.fa');
    expect(headers.get('Content-Disposition')).toBe('attachment; filename=a1.orfs.fa');
    expect(body).toBe(
      [
        '>sequence_0.0 strand=+ frame=0 start=1 end=9 length=3\nMKV\n',
        '>sequence_0.1 strand=- frame=1 start=1 end=9 length=3\nVRT\n',
        '>sequence_1.0 strand=+ frame=2 start=2 end=4 length=1\nG\n',
      ].join(''),
    );
  });

  test('are the hits, also of HMMs that are hidden or gone', async () => {
    await addAnalysis();
    await addHmm();
    const { headers, body } = await get('a1.csv');
    expect(headers.get('Content-Type')).toBe('text/csv; charset=utf-8');
    expect(body.split('\r\n')).toEqual([
      '"Contig","Contig Length","ORF","Strand","Frame","Start","End","Protein Length","Cluster","Names","Families",' +
        '"E-value","Score","Bias","Best Domain E-value","Best Domain Score","Best Domain Bias"',
      '0,10,0,"+",0,1,9,3,408,"polymerase; a ""long"" name","Solemoviridae (3); None (1)",7.3e-119,388.1,0.1,9e-119,387.8,0',
      '0,10,0,"+",0,1,9,3,"","","",0,388.1,0.1,9e-119,387.8,0',
      '',
    ]);
  });

  test('tell what became of the reads when it is asked for', async () => {
    const reads = { total: 500, trimmed: 80, used: 420 };
    await addAnalysis({ reads });
    await addAnalysis({ _id: 'none', reads, results: [] });
    expect((await get('a1.csv?reads=true')).body.split('\r\n')[1]).toMatch(/^0,10,.*,500,80,420$/);
    expect((await get('none.csv?reads=true')).body.split('\r\n')[1]).toMatch(/^"",.*"",500,80,420$/);
    expect((await get('a1.fa?reads=true')).body).toMatch(/^>sequence_0 /);
  });

  test('are empty where nothing was found', async () => {
    await addAnalysis({ results: [] });
    expect((await get('a1.fa')).body).toBe('');
    expect((await get('a1.orfs.fa')).body).toBe('');
    expect((await get('a1.csv')).body.split('\r\n')).toHaveLength(2);
  });

  test('are refused where there is none', async () => {
    await addAnalysis();
    await addAnalysis({ _id: 'p1', algorithm: 'pathoscope_bowtie', results: [] });
    await addAnalysis({ _id: 'open', ready: false });
    expect(messageOf(await get('a1.bed'))).toEqual([400, 'Not a Pathoscope analysis']);
    expect(messageOf(await get('p1.fa'))).toEqual([400, 'Not a NuVs analysis']);
    expect(messageOf(await get('p1.orfs.fa'))).toEqual([400, 'Not a NuVs analysis']);
    expect(messageOf(await get('open.fa'))).toEqual([409, 'Analysis is still running']);
    expect(messageOf(await get('unknown.fa'))).toEqual([404, 'Not found']);
    expect(messageOf(await get('a1'))).toEqual([404, 'Not found']);
    expect(messageOf(await get('a1.fa', 'stranger'))).toEqual([403, 'Insufficient rights']);
  });
});

describe('starting NuVs', () => {
  test('is refused without HMM data, and starts a large job of eleven steps with them', async () => {
    await lab.store.references.insert(referenceOf({ _id: 'r1', name: 'R' }));
    await lab.store.indexBuilds.collection.insertOne({
      ...{ _id: 'i1', version: 0, created_at: new Date(0), manifest: {}, ready: true, has_files: true },
      ...{ job: { id: 'j' }, reference: { id: 'r1' }, user: { id: 'bob' } },
    });
    const start = () => lab.send('bob', 'POST', '/api/samples/s1/analyses', { algorithm: 'nuvs', ref_id: 'r1' });
    expect(messageOf(await start())).toEqual([400, 'No HMM data installed']);
    expect(lab.started).toEqual([]);
    await install(lab.store, [1, 2]);
    const { status, body } = await start();
    expect(status).toBe(201);
    expect(body).toMatchObject({ algorithm: 'nuvs', ready: false, index: { id: 'i1', version: 0 } });
    expect(lab.started).toMatchObject([{ workflowType: 'nuvs', workflowId: `job-${body.job.id}` }]);
    expect(await lab.store.samples.get('s1')).toMatchObject({ nuvs: 'ip' });
  });
});
