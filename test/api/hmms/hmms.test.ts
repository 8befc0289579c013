import { existsSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { ReleaseAnswer } from '../../../src/contracts/releases.js';
import { annotationOf, beginInstall, install, releaseAnswer } from '../../support/hmms.js';
import { type Laboratory, laboratory } from '../../support/laboratory.js';

let lab: Laboratory;
beforeEach(async () => {
  lab = await laboratory({ fred: { permissions: ['modify_hmm'] }, anna: {} });
  await lab.store.status.ensure('v9.8.7');
});
afterEach(() => lab.dispose());

const get = (path: string, user = 'anna') => lab.send(user, 'GET', `/api/hmms${path}`);
const post = (user = 'fred') => lab.send(user, 'POST', '/api/hmms/status/updates');

let asked: { slug: string; etag: string | undefined }[] = [];
function answerWith(answer: ReleaseAnswer): void {
  asked = [];
  lab.remote.releases.find = async (slug, { etag } = {}) => {
    asked.push({ slug, etag });
    return answer;
  };
}

const UPDATE = {
  id: 6001,
  name: 'v1.0.0',
  body: 'Notes for v1.0.0',
  filename: 'hmm.tar.gz',
  size: 100,
  html_url: 'https://example.org/v1.0.0',
  published_at: '2019-06-12T19:20:57Z',
  newer: true,
  created_at: expect.any(String),
  ready: false,
  user: { id: 'fred' },
};

describe('list', () => {
  test('shows the visible HMMs by cluster, and the status', async () => {
    await install(lab.store, [12, 3]);
    const { status, body } = await get('?per_page=1');
    expect(status).toBe(200);
    expect(body).toMatchObject({ total_count: 2, found_count: 2, page_count: 2, per_page: 1, page: 1 });
    expect(body.documents).toEqual([
      { id: expect.any(String), cluster: 3, names: ['protein 3'], count: 2, families: { None: 2 } },
    ]);
    expect(Object.keys(body.status).sort()).toEqual(['errors', 'id', 'installed', 'process', 'release', 'updating']);
    expect((await get('?find=PROTEIN%2012')).body).toMatchObject({ found_count: 1, documents: [{ cluster: 12 }] });
  });

  test('is empty before anything is installed', async () => {
    expect((await get('')).body).toEqual({
      documents: [],
      status: { id: 'hmm', installed: null, process: null, release: null, errors: [], updating: false },
      total_count: 0,
      found_count: 0,
      page_count: 0,
      per_page: 25,
      page: 1,
    });
  });
});

describe('one HMM', () => {
  test('is shown whole, also when it is hidden', async () => {
    const document = { ...annotationOf(3), hidden: true };
    await lab.store.hmms.collection.insertOne({ _id: 'hidden00', ...document, installation: 'x' });
    expect(await get('/hidden00')).toMatchObject({ status: 200, body: { id: 'hidden00', ...document } });
    expect((await get('/hidden00')).body).not.toHaveProperty('installation');
  });

  test('that does not exist is not found', async () => {
    expect(await get('/unknown0')).toMatchObject({ status: 404, body: { id: 'not_found', message: 'Not found' } });
  });
});

describe('a look for the release', () => {
  test('asks for the repository of the settings and notes the answer', async () => {
    await lab.store.settings.update({ hmm_slug: 'lab/own-hmm' });
    answerWith(releaseAnswer('v1.0.0'));
    const { status, body } = await get('/status/release');
    expect(status).toBe(200);
    expect(body).toMatchObject({ name: 'v1.0.0', etag: 'W/"v1.0.0"', newer: true, retrieved_at: expect.any(String) });
    expect(asked).toEqual([{ slug: 'lab/own-hmm', etag: undefined }]);
    expect((await get('/status')).body.release).toEqual(body);
    answerWith({ ok: true, release: null });
    expect((await get('/status/release')).body).toMatchObject({ name: 'v1.0.0' });
    expect(asked).toEqual([{ slug: 'lab/own-hmm', etag: 'W/"v1.0.0"' }]);
  });

  test('without any release is not found', async () => {
    answerWith({ ok: true, release: null });
    expect(await get('/status/release')).toMatchObject({ status: 404, body: { message: 'Release not found' } });
  });

  test.each([
    [{ reason: 'not_found' } as const, 'GitHub repository does not exist'],
    [{ reason: 'unreachable' } as const, 'Could not reach GitHub'],
    [{ reason: 'status', status: 403 } as const, 'Encountered error 403'],
  ])('that meets %j answers 502, and the status tells it', async (trouble, message) => {
    answerWith({ ok: false, trouble });
    expect(await get('/status/release')).toMatchObject({ status: 502, body: { id: 'bad_gateway', message } });
    expect((await get('/status')).body.errors).toEqual([message]);
  });
});

describe('an installation', () => {
  test('is begun with its process', async () => {
    await lab.store.hmmStatus.refreshRelease(async () => releaseAnswer('v1.0.0'));
    const { status, body } = await post();
    expect({ status, body }).toEqual({ status: 200, body: UPDATE });
    const { process, updating } = (await get('/status')).body;
    expect(updating).toBe(true);
    expect(lab.started).toMatchObject([
      { workflowType: 'install_hmms', workflowId: `process-${process.id}`, attributes: { JobUser: 'fred' } },
    ]);
    expect((await lab.send('anna', 'GET', `/api/processes/${process.id}`)).body).toMatchObject({
      id: process.id,
      type: 'install_hmms',
      step: 'download',
      progress: 0,
      count: 0,
      complete: false,
      resumable: false,
    });
    expect((await get('/status/updates')).body).toEqual([UPDATE]);
  });

  test('is refused while another one runs', async () => {
    await beginInstall(lab.store);
    expect(await post()).toMatchObject({
      status: 409,
      body: { id: 'conflict', message: 'Install already in progress' },
    });
    expect(lab.started).toEqual([]);
  });

  test('is refused without a known release, and makes no process', async () => {
    expect(await post()).toMatchObject({
      status: 400,
      body: { id: 'bad_request', message: 'Target release does not exist' },
    });
    expect((await lab.send('anna', 'GET', '/api/processes')).body).toEqual([]);
  });

  test('that has failed tells why, and the next one may begin', async () => {
    const processId = await beginInstall(lab.store);
    await lab.store.hmmStatus.fail(processId, [{ id: 'download', message: 'Could not download HMM data' }]);
    expect((await get('/status')).body).toMatchObject({ updating: false, process: null });
    expect((await get('/status/updates')).body).toMatchObject([{ error: 'Could not download HMM data' }]);
    const process = await lab.send('anna', 'GET', `/api/processes/${processId}`);
    expect(process.body).toMatchObject({ complete: false, errors: ['Could not download HMM data'] });
    expect((await post()).status).toBe(200);
    expect((await get('/status/updates')).body.map((one: { error?: string }) => one.error)).toEqual([
      undefined,
      'Could not download HMM data',
    ]);
  });

  test('needs the permission', async () => {
    expect(await post('anna')).toMatchObject({ status: 403, body: { message: 'Not permitted' } });
  });
});

describe('a removal', () => {
  test('leaves nothing to see, and has the rest cleaned up', async () => {
    await install(lab.store, [1, 2]);
    writeFileSync(lab.data.hmmProfiles, 'profiles');
    expect((await lab.send('fred', 'DELETE', '/api/hmms')).status).toBe(204);
    expect((await get('')).body).toMatchObject({ total_count: 0, status: { installed: null, process: null } });
    expect((await get('/status/updates')).body).toEqual([]);
    expect(existsSync(lab.data.hmmProfiles)).toBe(false);
    expect(lab.started.map(({ workflowType, args }) => [workflowType, args[0]])).toEqual([
      ['housekeeping', 'sweep_hmms'],
      ['housekeeping', 'refresh_hmms'],
    ]);
  });

  test('ends an installation in progress', async () => {
    const processId = await beginInstall(lab.store);
    await lab.send('fred', 'DELETE', '/api/hmms');
    expect(lab.cancelled).toEqual([`process-${processId}`]);
    expect(await lab.store.hmmStatus.publish(processId, 'import_annotations')).toBe(false);
  });

  test('of nothing is no trouble', async () => {
    expect((await lab.send('fred', 'DELETE', '/api/hmms')).status).toBe(204);
  });

  test('needs the permission', async () => {
    await install(lab.store, [1]);
    expect((await lab.send('anna', 'DELETE', '/api/hmms')).status).toBe(403);
    expect((await get('')).body.total_count).toBe(1);
  });
});
