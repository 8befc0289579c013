import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Release, ReleaseAnswer, RemoteTrouble } from '../../../src/contracts/releases.js';
import { releaseAnswer } from '../../support/hmms.js';
import { type Laboratory, laboratory } from '../../support/laboratory.js';
import { referenceOf } from '../../support/references.js';
import { SLUG } from '../../support/remote_references.js';

let lab: Laboratory;
beforeEach(async () => {
  lab = await laboratory({ bob: { permissions: ['create_ref'] }, anna: {} });
});
afterEach(() => lab.dispose());

type Asked = { slug: string; id: number | undefined; etag: string | undefined };
let asked: Asked[] = [];
function answerWith(answer: ReleaseAnswer): void {
  asked = [];
  lab.remote.releases.find = async (slug, { id, etag } = {}) => {
    asked.push({ slug, id, etag });
    return answer;
  };
}
const troubleWith = (trouble: RemoteTrouble) => answerWith({ ok: false, trouble });
const UNREACHABLE = { reason: 'unreachable' } as const;
const limited = () => ({ reason: 'rate_limited', until: new Date(Date.now() + 60_000) }) as const;

const create = (body: object = {}, user = 'bob') => lab.send(user, 'POST', '/api/refs', { remote_from: SLUG, ...body });
const get = (id: string, path = '', user = 'bob') => lab.send(user, 'GET', `/api/refs/${id}${path}`);
const update = (id: string, user = 'bob') => lab.send(user, 'POST', `/api/refs/${id}/updates`, {});

/** A reference in which a release of this name is installed. */
async function installed(name = 'v1.0.0'): Promise<string> {
  answerWith(releaseAnswer(name));
  const { body } = await create();
  expect(await lab.store.remoteReferences.publish(body.process.id, body.id, 'abc', 'create_history')).toBe(true);
  return body.id;
}

describe('creating', () => {
  test('makes a reference of the pinned release and starts its process', async () => {
    answerWith(releaseAnswer('v1.0.0'));
    const { status, body, headers } = await create({ name: 'ignored', description: 'ignored' });
    expect(status).toBe(201);
    expect(headers.get('Location')).toBe(`/api/refs/${body.id}`);
    expect(asked).toEqual([{ slug: SLUG, id: 11447367, etag: undefined }]);
    const { release } = releaseAnswer('v1.0.0') as { release: Release };
    const { content_type: _, download_url, etag: __, ...shown } = release;
    expect(body).toMatchObject({
      name: 'Plant Viruses',
      description: 'The official plant virus reference from the Virtool developers',
      ...{ data_type: null, organism: null, installed: null, otu_count: 0 },
      remotes_from: { slug: SLUG, errors: [] },
      release: { ...release, newer: false, retrieved_at: expect.any(String) },
    });
    expect(body).not.toHaveProperty('updating');
    expect(body.updates).toEqual([{ ...shown, created_at: body.created_at, ready: false, user: { id: 'bob' } }]);
    expect(lab.started).toMatchObject([{ workflowType: 'remote_reference', workflowId: `process-${body.process.id}` }]);
    const { context } = (await lab.store.processes.get(body.process.id)) ?? {};
    expect(context?.release).toEqual({ id: release.id, download_url, size: release.size });
  });

  test('takes another release by its number, or the latest one', async () => {
    answerWith(releaseAnswer('v1.0.0'));
    await create({ release_id: '42' });
    await create({ release_id: 'latest' });
    expect(asked.map(({ id }) => id)).toEqual([42, undefined]);
    // It becomes part of an address.
    for (const release_id of ['../x', '1e5', '-1', '']) {
      const { status, body } = await create({ release_id });
      expect([status, body.errors]).toEqual([422, { release_id: ['must be the number of a release, or latest'] }]);
    }
  });

  test.each<[ReleaseAnswer, number, string]>([
    [{ ok: false, trouble: UNREACHABLE }, 502, 'Could not reach GitHub'],
    [{ ok: false, trouble: { reason: 'not_found' } }, 502, 'Could not retrieve latest GitHub release'],
    [{ ok: false, trouble: { reason: 'status', status: 500 } }, 502, 'Encountered error 500'],
    [{ ok: false, trouble: { reason: 'status', status: 407 } }, 500, 'Proxy authentication failed'],
    [{ ok: true, release: null }, 502, 'The release has no file'],
  ])('is refused without a release, and leaves nothing', async (answer, status, message) => {
    answerWith(answer);
    expect(await create()).toMatchObject({ status, body: { message } });
    expect(await lab.store.references.collection.countDocuments()).toBe(0);
    expect(lab.started).toEqual([]);
  });

  test('needs the permission', async () => {
    answerWith(releaseAnswer('v1.0.0'));
    expect((await create({}, 'anna')).status).toBe(403);
    expect(asked).toEqual([]);
  });
});

describe('looking for a release', () => {
  test('notes a newer one', async () => {
    const id = await installed();
    answerWith(releaseAnswer('v1.1.0'));
    const { status, body } = await get(id, '/release');
    expect([status, body]).toMatchObject([200, { name: 'v1.1.0', newer: true }]);
    expect(asked).toEqual([{ slug: SLUG, id: undefined, etag: 'W/"v1.0.0"' }]);
    expect((await get(id)).body).toMatchObject({ release: body, errors: [] });
  });

  test('keeps the known one when nothing has changed, and notes when it asked', async () => {
    const id = await installed();
    const before = (await get(id)).body.release;
    answerWith({ ok: true, release: null });
    const { body } = await get(id, '/release');
    expect(body).toEqual({ ...before, retrieved_at: expect.any(String) });
    expect(body.retrieved_at > before.retrieved_at).toBe(true);
  });

  test.each([
    ['v1.0.0', false],
    ['v0.9.9', false],
    ['v1.0.0-beta.1', false],
    ['v1.0.1-beta.1', true],
    ['nightly', true],
    ['', true],
  ])('compares the name %s', async (name, newer) => {
    const id = await installed();
    answerWith(releaseAnswer(name));
    expect((await get(id, '/release')).body).toMatchObject({ name, newer });
  });

  test.each<[RemoteTrouble, number, string, string]>([
    [UNREACHABLE, 502, 'Could not reach GitHub', 'Could not reach GitHub'],
    [
      { reason: 'not_found' },
      502,
      'Release repository does not exist on GitHub',
      'GitHub repository or release does not exist',
    ],
    [{ reason: 'status', status: 407 }, 500, 'Proxy authentication failed', 'Encountered error 407'],
  ])('notes trouble, and the known release stays', async (trouble, status, message, error) => {
    const id = await installed();
    troubleWith(trouble);
    expect(await get(id, '/release')).toMatchObject({ status, body: { message } });
    expect((await get(id)).body).toMatchObject({
      ...{ errors: [error], remotes_from: { errors: [error] }, release: { name: 'v1.0.0' } },
    });
    answerWith({ ok: true, release: null });
    await get(id, '/release');
    expect((await get(id)).body).toMatchObject({ errors: [], remotes_from: { errors: [] } });
  });

  test('does not ask before GitHub wants to be asked again', async () => {
    const id = await installed();
    const trouble = limited();
    troubleWith(trouble);
    const message = `GitHub answers no more requests until ${trouble.until.toISOString()}`;
    for (let times = 0; times < 2; times += 1) {
      expect(await get(id, '/release')).toMatchObject({ status: 502, body: { message } });
    }
    expect(asked).toHaveLength(1);
    expect((await get(id)).body.errors).toEqual([message]);
  });

  test('is refused for a reference that is no remote one, and for none', async () => {
    const reference = referenceOf();
    await lab.store.references.insert(reference);
    expect(await get(reference._id, '/release')).toMatchObject({ status: 400 });
    expect((await get('unknown1', '/release')).status).toBe(404);
  });
});

describe('an update', () => {
  test('begins with a process for the known release', async () => {
    const id = await installed();
    answerWith(releaseAnswer('v1.1.0'));
    await get(id, '/release');
    const { status, body } = await update(id);
    expect([status, body]).toMatchObject([201, { name: 'v1.1.0', newer: true, ready: false, user: { id: 'bob' } }]);
    const reference = (await get(id)).body;
    expect(reference).toMatchObject({
      updating: true,
      installed: { name: 'v1.0.0' },
      updates: [{ ready: true }, body],
    });
    const process = await lab.store.processes.get(reference.process.id);
    expect(process).toMatchObject({
      ...{ type: 'update_remote_reference', step: 'download', progress: 0, complete: false },
      context: { ref_id: id, user_id: 'bob', release: { id: body.id } },
    });
    expect(lab.started.at(-1)).toMatchObject({ workflowType: 'update_remote_reference' });
    expect((await get(id, '/updates')).body).toEqual(reference.updates.toReversed());
    expect(await update(id)).toMatchObject({ status: 409, body: { message: 'Reference is still being filled' } });
  });

  test('is refused in the order of the contract', async () => {
    const local = referenceOf();
    await lab.store.references.insert(local);
    expect((await update('unknown1')).status).toBe(404);
    expect((await update(local._id, 'anna')).body.id).toBe('insufficient_rights');
    expect((await update(local._id)).body).toEqual({
      id: 'bad_request',
      message: 'Target release does not exist',
    });
    expect((await get(local._id, '/updates')).body).toEqual([]);
    const id = await installed();
    expect(await update(id)).toMatchObject({
      status: 409,
      body: { message: 'The latest release is installed already' },
    });
  });

  test('that failed can be asked for again', async () => {
    const id = await installed();
    answerWith(releaseAnswer('v1.1.0'));
    await get(id, '/release');
    await update(id);
    const processId = (await get(id)).body.process.id;
    await lab.store.remoteReferences.failUpdate(processId, id, [{ id: 'x', message: 'no' }]);
    expect((await get(id)).body).toMatchObject({ updating: false, updates: [{}, { error: 'no', ready: false }] });
    expect((await update(id)).status).toBe(201);
  });

  // It would build half of the update.
  test('keeps builds and clones away while it runs', async () => {
    const id = await installed();
    answerWith(releaseAnswer('v1.1.0'));
    await get(id, '/release');
    await update(id);
    expect((await lab.send('bob', 'POST', `/api/refs/${id}/indexes`)).status).toBe(409);
    expect((await lab.send('bob', 'POST', '/api/refs', { clone_from: id })).status).toBe(409);
  });
});
