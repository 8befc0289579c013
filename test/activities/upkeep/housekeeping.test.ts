import { CancelledFailure } from '@temporalio/common';
import { MockActivityEnvironment } from '@temporalio/testing';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { WorkflowControl } from '../../../src/activities/deps.js';
import { createHousekeeping } from '../../../src/activities/upkeep/housekeeping.js';
import type { HousekeepingKind } from '../../../src/contracts/housekeeping.js';
import { adaptLogger } from '../../../src/workers/runtime.js';
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

function house(workflows: Partial<WorkflowControl> = {}) {
  const { store, data } = opened;
  const remote = unreachableServices();
  const rest = { workflows: workflows as WorkflowControl, undo: {} as never };
  const { keepHouse } = createHousekeeping({ store, data, log: quietLogger, remote, ...rest });
  const environment = new MockActivityEnvironment({}, { logger: adaptLogger(quietLogger) });
  return {
    remote,
    keep: (kind: HousekeepingKind) => environment.run(keepHouse, { kind }),
    cancel: () => environment.cancel(),
  };
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

test('trouble with jobs leaves processes and BLASTs their turn, and the round says what failed', async () => {
  const running = () => Promise.reject(new Error('the list of workflows is not there'));
  expect(await house({ running }).keep('reconcile')).toBe(
    'processes: 0 started, 0 closed; BLASTs: 0 started, 0 closed; 1 failed: jobs (the list of workflows is not there)',
  );
});

// A round that nobody waits for any more would still ask, remove and write.
test('a round that is cancelled ends at once, and notes nothing', async () => {
  const { remote, keep, cancel } = house();
  remote.releases.find = (_slug, { signal } = {}) =>
    new Promise((_resolve, reject) => {
      signal?.addEventListener('abort', () => reject(signal.reason));
      cancel();
    });
  await expect(keep('refresh_hmms')).rejects.toThrow(CancelledFailure);
  expect((await opened.store.hmmStatus.get()).errors).toEqual([]);
});

test('a round of the reconciler that is cancelled ends between two things', async () => {
  const asked: string[] = [];
  const { keep, cancel } = house({
    running: async () => new Set(['job-a', 'job-b']),
    cancel: async (workflowId) => {
      asked.push(workflowId);
      cancel();
    },
  });
  const status = [{ state: 'complete' as const, stage: null, error: null, progress: 1, timestamp: new Date(0) }];
  const job = { task: 'nuvs', args: {}, proc: 1, mem: 1, user: { id: 'ann' }, status };
  await opened.store.jobs.collection.insertMany(['a', 'b'].map((_id) => ({ _id, ...job })));
  await expect(keep('reconcile')).rejects.toThrow(CancelledFailure);
  expect(asked).toEqual(['job-a']);
});
