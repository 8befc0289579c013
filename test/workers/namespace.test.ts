import { afterEach, beforeEach, expect, test } from 'vitest';
import { claimNamespace, ForeignNamespace } from '../../src/workers/namespace.js';
import { upsertSchedules } from '../../src/workers/schedules.js';
import { type TestNamespace, testNamespace } from '../support/namespace.js';
import { testStore } from '../support/store.js';

let namespace: TestNamespace;
beforeEach(async () => {
  namespace = await testNamespace();
});
afterEach(() => namespace.dispose());

const claim = (installation: string) => claimNamespace(namespace.client, installation);

// Their workers would take each other's steps, find no job, and end it.
test('a second installation is refused in a namespace, the first one is not', async () => {
  await claim('first');
  await expect(claim('second')).rejects.toThrow(ForeignNamespace);
  await claim('first');
});

test('of two installations that start at once one is refused', async () => {
  const outcomes = await Promise.allSettled([claim('first'), claim('second')]);
  expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
});

// As after an update from a release that noted no owner.
test('a namespace that has schedules and no owner is taken, and stays taken when the schedules are brought in line', async () => {
  await upsertSchedules(namespace.client, { refreshing: false });
  await claim('first');
  await upsertSchedules(namespace.client, { refreshing: true });
  await expect(claim('second')).rejects.toThrow(ForeignNamespace);
});

test('an installation keeps its id, and two have different ones', async () => {
  const [one, other] = [await testStore(), await testStore()];
  const id = await one.store.status.installationId();
  expect(await one.store.status.installationId()).toBe(id);
  expect(await other.store.status.installationId()).not.toBe(id);
  await Promise.all([one.dispose(), other.dispose()]);
});
