import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { blastError } from '../../../src/contracts/blast.js';
import { createBlastService } from '../../../src/remote/blast.js';
import type { AnalysisDocument } from '../../../src/store/analyses.js';
import { type BlastServer, RESULT, startBlastServer } from '../../support/blast_server.js';
import { type Answer, type Laboratory, laboratory } from '../../support/laboratory.js';
import { bareContigs, insertNuvsAnalysis } from '../../support/nuvs_analysis.js';

let lab: Laboratory;
let ncbi: BlastServer;
beforeEach(async () => {
  lab = await laboratory({ bob: {}, reader: {}, stranger: {} });
  ncbi = await startBlastServer();
  lab.remote.blast = createBlastService({ userAgent: 'test' }, ncbi.url);
  await lab.store.samples.collection.insertOne({
    ...{ _id: 's1', name: 'Sample', paired: false, files: [], format: 'fastq', imported: false, quality: { count: 1 } },
    ...{ subtraction: { id: 'Vitis' }, pathoscope: false, nuvs: true, created_at: new Date(0), analyzed: false },
    ...{ hold: true, archived: false, user: { id: 'bob' }, group: 'none' },
    ...{ group_read: false, group_write: false, all_read: true, all_write: false },
  });
});
afterEach(async () => {
  await ncbi.close();
  await lab.dispose();
});

const CONTIGS = bareContigs('ACGTACGTAC', 'GGCC');
const add = (changes: Partial<AnalysisDocument> = {}) =>
  insertNuvsAnalysis(lab.store, { results: CONTIGS, ...changes });
const put = (path: string, user = 'bob') => lab.send(user, 'PUT', `/api/analyses/${path}/blast`);
const contigs = async () => (await lab.send('bob', 'GET', '/api/analyses/a1')).body.results;
const messageOf = ({ status, body }: Answer) => [status, body.id, body.message];
const begun = (rid: string) => ({ rid, ready: false, last_checked_at: expect.any(String), interval: 3 });

describe('a BLAST of a contig', () => {
  test('is handed in, shown and waited for', async () => {
    await add();
    const { status, headers, body } = await put('a1/1');
    expect([status, body]).toEqual([201, begun('RID00001')]);
    expect(headers.get('Location')).toBe('/api/analyses/a1/1/blast');
    expect(ncbi.asked).toMatchObject([{ kind: 'submit', form: 'QUERY=GGCC' }]);
    expect(await contigs()).toEqual([CONTIGS[0], { ...CONTIGS[1], blast: begun('RID00001') }]);
    expect(lab.started).toMatchObject([{ workflowType: 'blast', workflowId: 'blast-a1-1-RID00001' }]);
  });

  test('is ready together with its result', async () => {
    await add();
    await put('a1/0');
    const search = { analysisId: 'a1', index: 0, rid: 'RID00001' };
    await lab.store.blast.noteCheck(search, 60);
    expect((await contigs())[0].blast).toEqual({ ...begun('RID00001'), interval: 60 });
    await lab.store.blast.complete(search, 65, RESULT);
    expect((await contigs())[0].blast).toEqual({ ...begun('RID00001'), ready: true, interval: 65, result: RESULT });
    expect((await lab.send('bob', 'GET', '/api/analyses/a1')).body).not.toHaveProperty('blasts');
  });

  test('that failed is none, says why, and can be started again', async () => {
    await add();
    await put('a1/0');
    await lab.store.blast.fail({ analysisId: 'a1', index: 0, rid: 'RID00001' }, blastError('unreachable'));
    expect((await contigs())[0]).toEqual({
      ...CONTIGS[0],
      blast: null,
      blast_error: { rid: 'RID00001', ...blastError('unreachable') },
    });
    expect(lab.cancelled).toEqual([]);
    expect((await put('a1/0')).status).toBe(201);
    expect((await contigs())[0]).toEqual({ ...CONTIGS[0], blast: begun('RID00002') });
    expect(lab.cancelled).toEqual([]);
  });

  test('takes the place of one that goes on', async () => {
    await add();
    await put('a1/0');
    expect((await put('a1/0')).body).toEqual(begun('RID00002'));
    expect(lab.cancelled).toEqual(['blast-a1-0-RID00001']);
    expect(lab.started.map(({ workflowId }) => workflowId)).toEqual(['blast-a1-0-RID00001', 'blast-a1-0-RID00002']);
    expect((await contigs())[0].blast).toEqual(begun('RID00002'));
  });

  test('works for results that are kept in a file', async () => {
    await add({ results: 'file' });
    expect(messageOf(await put('a1/0'))).toEqual([404, 'not_found', 'Results not found']);
    await mkdir(lab.data.analysis('s1', 'a1'), { recursive: true });
    await writeFile(join(lab.data.analysis('s1', 'a1'), 'results.json'), JSON.stringify(CONTIGS));
    expect((await put('a1/1')).status).toBe(201);
    expect((await contigs())[1].blast).toEqual(begun('RID00001'));
  });

  test('of an old release is shown when it has a result, and gives way to a new one', async () => {
    const old = { rid: 'OLD', ready: true, interval: 8, last_checked_at: '2019-09-05T14:03:22Z', result: RESULT };
    const { result: _, ...empty } = old;
    const results = bareContigs('A', 'C', 'G').map((contig, i) => ({
      ...contig,
      blast: [old, empty, { ...empty, ready: false }][i],
    }));
    await add({ results });
    expect((await contigs()).map((contig: { blast: unknown }) => contig.blast)).toEqual([old, null, null]);
    await put('a1/0');
    expect((await contigs())[0].blast).toEqual(begun('RID00001'));
  });

  // The client of release 3.7.3 waits for ever after anything but 201.
  test('that NCBI does not take has begun all the same, and takes the place of the former one', async () => {
    await add();
    await put('a1/0');
    const pending = { ...begun(''), rid: null };
    const troubles: (() => void)[] = [
      () => {
        ncbi.submit = (response) => response.writeHead(500).end();
      },
      () => {
        ncbi.submit = (response) => response.end('<html>');
      },
      () => {
        lab.remote.blast.submit = async () => ({ ok: false, trouble: { reason: 'unreachable' } });
      },
      () => {
        // As a service that answers nothing at all until its time is over.
        lab.remote.blast.submit = (_, signal) =>
          new Promise((_resolve, reject) => signal?.addEventListener('abort', () => reject(signal.reason)));
      },
    ];
    for (const makeTrouble of troubles) {
      makeTrouble();
      expect(await put('a1/0')).toMatchObject({ status: 201, body: pending });
      expect((await contigs())[0].blast).toEqual(pending);
    }
    const ids = lab.started.map(({ workflowId }) => workflowId);
    expect(ids).toHaveLength(5);
    expect(new Set(ids).size).toBe(5);
    expect(lab.cancelled).toEqual(ids.slice(0, 4));
    const [stored] = (await lab.store.analyses.get('a1'))?.blasts ?? [];
    expect(lab.started.at(-1)).toMatchObject({
      args: [{ analysisId: 'a1', index: 0, rid: null, ticket: stored?.ticket }],
      details: 'To be handed in at NCBI',
    });
    expect((await lab.send('bob', 'DELETE', '/api/analyses/a1')).status).toBe(204);
    expect(lab.cancelled.at(-1)).toBe(ids.at(-1));
  });

  test('ends with the analysis', async () => {
    await add();
    await put('a1/0');
    await put('a1/1');
    await lab.store.blast.complete({ analysisId: 'a1', index: 0, rid: 'RID00001' }, 3, RESULT);
    expect((await lab.send('bob', 'DELETE', '/api/analyses/a1')).status).toBe(204);
    expect(lab.cancelled).toEqual(['blast-a1-1-RID00002']);
  });
});

describe('a BLAST is refused', () => {
  test('where there is nothing to search for, in the order of the contract', async () => {
    await add();
    await add({ _id: 'p1', algorithm: 'pathoscope_bowtie', ready: false, results: [] });
    await add({ _id: 'open', ready: false });
    await add({ _id: 'orphan', sample: { id: 'gone' } });
    expect(messageOf(await put('unknown1/0', 'stranger'))).toEqual([404, 'not_found', 'Analysis not found']);
    expect(messageOf(await put('p1/0'))).toEqual([409, 'conflict', 'Not a NuVs analysis']);
    expect(messageOf(await put('open/0'))).toEqual([409, 'conflict', 'Analysis is still running']);
    for (const index of ['2', '-1', '1.0', '0x1', 'first', '99999999999999999999', '%2F0']) {
      expect(messageOf(await put(`a1/${index}`)), index).toEqual([404, 'not_found', 'Sequence not found']);
    }
    expect(messageOf(await put('orphan/0'))).toEqual([400, 'bad_request', 'Parent sample does not exist']);
    expect(messageOf(await put('a1/0', 'reader'))).toEqual([403, 'insufficient_rights', 'Insufficient rights']);
    expect(ncbi.asked).toEqual([]);
    expect(lab.started).toEqual([]);
  });

  test('when the analysis is removed meanwhile', async () => {
    await add();
    ncbi.submit = async (response) => {
      await lab.store.analyses.remove('a1');
      response.end('<!--QBlastInfoBegin\n    RID = RID1\nQBlastInfoEnd-->');
    };
    expect(messageOf(await put('a1/0'))).toEqual([404, 'not_found', 'Analysis not found']);
    expect(lab.started).toEqual([]);
  });
});
