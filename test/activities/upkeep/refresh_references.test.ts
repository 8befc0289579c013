import { afterEach, beforeEach, expect, test } from 'vitest';
import { refreshReferences } from '../../../src/activities/upkeep/refresh_references.js';
import { beginRound } from '../../../src/activities/upkeep/round.js';
import type { ReleaseAnswer } from '../../../src/contracts/releases.js';
import { releaseAnswer } from '../../support/hmms.js';
import { type Laboratory, laboratory } from '../../support/laboratory.js';
import { quietLogger } from '../../support/logger.js';
import { referenceOf } from '../../support/references.js';

let lab: Laboratory;
beforeEach(async () => {
  lab = await laboratory();
});
afterEach(() => lab.dispose());

let asked: { slug: string; etag: string | undefined }[] = [];
function answerWith(answers: Record<string, ReleaseAnswer | (() => never)>): void {
  asked = [];
  lab.remote.releases.find = async (slug, { etag } = {}) => {
    asked.push({ slug, etag });
    const answer = answers[slug];
    if (typeof answer === 'function') return answer();
    return answer ?? { ok: true, release: null };
  };
}

/** A remote reference of this repository, in which v1.0.0 is installed. */
async function follow(slug: string): Promise<string> {
  const { release } = releaseAnswer('v1.0.0') as ReleaseAnswer & { ok: true };
  if (!release) throw new Error('no release');
  const known = { ...release, newer: false, retrieved_at: new Date(0) };
  const { content_type: _, download_url: __, etag: ___, ...shown } = release;
  const installed = { ...shown, created_at: new Date(0), ready: true, user: { id: 'bob' } };
  const remote = { remotes_from: { slug, errors: [] }, release: known, installed, updates: [installed] };
  const reference = referenceOf(remote);
  await lab.store.references.insert(reference);
  return reference._id;
}

const refresh = () => {
  const round = beginRound(quietLogger, new AbortController().signal);
  const deps = { store: lab.store, data: lab.data, log: quietLogger, remote: lab.remote };
  return refreshReferences(deps, round);
};
const get = (id: string) => lab.store.references.get(id);
const UNREACHABLE = { ok: false, trouble: { reason: 'unreachable' } } as const;

test('a round looks for the release of each reference; what fails with one leaves the others their turn', async () => {
  const [broken, away, newer, gone] = [
    await follow('a/a'),
    await follow('b/b'),
    await follow('c/c'),
    await follow('d/d'),
  ];
  const local = referenceOf();
  await lab.store.references.insert(local);
  answerWith({
    'a/a': () => {
      throw new TypeError('x is not a function');
    },
    'b/b': UNREACHABLE,
    'c/c': releaseAnswer('v1.1.0'),
    'd/d': { ok: false, trouble: { reason: 'not_found' } },
  });
  expect(await refresh()).toEqual({ asked: 1, troubled: 2, waiting: 0 });
  expect(await get(newer)).toMatchObject({ release: { name: 'v1.1.0', newer: true }, errors: [] });
  const texts: [string, string][] = [
    [away, 'Could not reach GitHub'],
    [gone, 'GitHub repository or release does not exist'],
  ];
  for (const [id, text] of texts) {
    const told = { errors: [text], remotes_from: { errors: [text] }, release: { name: 'v1.0.0' } };
    expect(await get(id)).toMatchObject(told);
  }
  expect((await get(broken))?.release).toMatchObject({ name: 'v1.0.0' });
  expect(await get(local._id)).toEqual(local);
});

test('references of the same repository that know the same release share one question', async () => {
  const [one, two] = [await follow('a/a'), await follow('a/a')];
  answerWith({ 'a/a': { ok: true, release: null } });
  expect(await refresh()).toEqual({ asked: 2, troubled: 0, waiting: 0 });
  expect(asked).toEqual([{ slug: 'a/a', etag: 'W/"v1.0.0"' }]);
  for (const id of [one, two]) expect((await get(id))?.release?.retrieved_at.getTime()).toBeGreaterThan(0);
});

test('a reference waits until GitHub wants to be asked again, also over a restart', async () => {
  const id = await follow('a/a');
  const until = new Date(Date.now() + 60_000);
  answerWith({ 'a/a': { ok: false, trouble: { reason: 'rate_limited', until } } });
  expect(await refresh()).toMatchObject({ troubled: 1 });
  answerWith({ 'a/a': releaseAnswer('v1.1.0') });
  expect(await refresh()).toEqual({ asked: 0, troubled: 0, waiting: 1 });
  expect(asked).toEqual([]);
  expect((await get(id))?.errors).toEqual([`GitHub answers no more requests until ${until.toISOString()}`]);
  const over = { $set: { 'remotes_from.retry_at': new Date(Date.now() - 1) } };
  await lab.store.references.collection.updateOne({ _id: id }, over);
  expect(await refresh()).toMatchObject({ asked: 1 });
  expect(await get(id)).toMatchObject({
    errors: [],
    release: { newer: true },
    remotes_from: { slug: 'a/a', errors: [] },
  });
  expect((await get(id))?.remotes_from).not.toHaveProperty('retry_at');
});
