import { MockActivityEnvironment } from '@temporalio/testing';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createHousekeeping } from '../../../src/activities/upkeep/housekeeping.js';
import type { HousekeepingKind } from '../../../src/contracts/housekeeping.js';
import { releaseAnswer } from '../../support/hmms.js';
import { quietLogger } from '../../support/logger.js';
import { unreachableServices } from '../../support/remote.js';
import { type TestStore, testStore } from '../../support/store.js';

let opened: TestStore;
beforeEach(async () => {
  opened = await testStore();
  await opened.store.status.ensure('v1.0.0');
});
afterEach(() => opened.dispose());

function house() {
  const { store, data } = opened;
  const remote = unreachableServices();
  // Not used by what is tested here.
  const rest = { workflows: {} as never, undo: {} as never };
  const { keepHouse } = createHousekeeping({ store, data, log: quietLogger, remote, ...rest });
  return { remote, keep: (kind: HousekeepingKind) => new MockActivityEnvironment().run(keepHouse, { kind }) };
}

test('a refresh of HMM data notes the release, and later that nothing was reached', async () => {
  const { remote, keep } = house();
  remote.releases.find = async (slug) => releaseAnswer(`of ${slug}`);
  expect(await keep('refresh_hmms')).toBe('asked');
  expect((await opened.store.hmmStatus.get()).release).toMatchObject({ name: 'of virtool/virtool-hmm', newer: true });
  remote.releases.find = unreachableServices().releases.find;
  // A round that fails must not be the last one.
  expect(await keep('refresh_hmms')).toBe('not answered: unreachable');
  expect(await opened.store.hmmStatus.get()).toMatchObject({
    errors: ['Could not reach GitHub'],
    release: { name: 'of virtool/virtool-hmm' },
  });
});

test('a refresh of the server notes the newer releases of the channel', async () => {
  const { remote, keep } = house();
  const releases = ['v2.0.0-beta.1', 'v1.1.0', 'v1.0.0'].map((name) => ({ name }));
  remote.releases.listSoftware = async () => ({ ok: true, releases });
  await keep('refresh_software');
  expect(await opened.store.status.software()).toMatchObject({ releases: [{ name: 'v1.1.0' }], errors: [] });
});

test('a sweep of HMM data tells what it did', async () => {
  expect(await house().keep('sweep_hmms')).toBe('0 HMMs removed, 0 hidden, 0 folders removed');
});
