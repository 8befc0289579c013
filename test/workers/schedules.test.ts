import { afterEach, beforeEach, expect, test } from 'vitest';
import { HOUSEKEEPING, type HousekeepingKind } from '../../src/contracts/housekeeping.js';
import { upsertSchedules } from '../../src/workers/schedules.js';
import { type TestNamespace, testNamespace } from '../support/namespace.js';
import { waitFor } from '../support/wait.js';

let namespace: TestNamespace;
// Each test its own: a round's id ends in the second of its start, so rounds of two tests could have the same.
beforeEach(async () => {
  namespace = await testNamespace();
});
afterEach(() => namespace.dispose());

const KINDS = Object.keys(HOUSEKEEPING) as HousekeepingKind[];
const REMOTE: HousekeepingKind[] = ['refresh_hmms', 'refresh_references', 'refresh_software'];
const handleOf = (kind: HousekeepingKind) => namespace.client.schedule.getHandle(`virtool-${kind}`);

async function listed(): Promise<string[]> {
  const ids: string[] = [];
  for await (const { scheduleId } of namespace.client.schedule.list()) ids.push(scheduleId.replace('virtool-', ''));
  return ids.sort();
}

/** Waits for the list, which follows the changes after a moment. */
async function untilListed(kinds: readonly string[]): Promise<void> {
  const wanted = [...kinds].sort().join();
  await waitFor(async () => (await listed()).join() === wanted, `the schedules ${wanted}`);
}

const rounds = async (kind: HousekeepingKind) => (await handleOf(kind).describe()).info.numActionsTaken;

test('what asks services outside is scheduled only when the server is to refresh', async () => {
  await upsertSchedules(namespace.client, { refreshing: true });
  await untilListed(KINDS);
  await upsertSchedules(namespace.client, { refreshing: false });
  await untilListed(KINDS.filter((kind) => !REMOTE.includes(kind)));
});

test('a server that starts asks services outside at once, unless an administrator has paused that', async () => {
  await upsertSchedules(namespace.client, { refreshing: true });
  await untilListed(KINDS);
  for (const kind of REMOTE) await waitFor(async () => (await rounds(kind)) === 1, `the first round of ${kind}`);
  // No worker is there to end a round, and rounds do not overlap.
  for await (const { workflowId } of namespace.client.workflow.list()) {
    await namespace.client.workflow.getHandle(workflowId).terminate();
  }
  await handleOf('refresh_hmms').pause();
  await upsertSchedules(namespace.client, { refreshing: true });
  await waitFor(async () => (await rounds('refresh_software')) === 2, 'the second round of refresh_software');
  expect(await rounds('refresh_hmms')).toBe(1);
  expect((await handleOf('refresh_hmms').describe()).state.paused).toBe(true);
});
