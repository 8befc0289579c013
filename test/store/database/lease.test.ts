import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { findLeaseHolder, type LeaseHolder, takeLease } from '../../../src/store/database/lease.js';
import { type TestStore, testStore } from '../../support/store.js';
import { waitFor } from '../../support/wait.js';

const PACE = { beatMs: 100, deadMs: 1_500 };
const { signal } = new AbortController();

let made: TestStore;
beforeEach(async () => {
  made = await testStore();
});
afterEach(() => made.dispose());

const holderOn = (host: string): LeaseHolder => ({ id: randomUUID(), machine: host, host, pid: 7 });
const take = (holder: LeaseHolder) => takeLease(made.store.database, 'test', holder, signal, PACE);

async function taken(holder: LeaseHolder) {
  const outcome = await take(holder);
  if ('holder' in outcome) throw new Error(`${outcome.holder.host} has it`);
  return outcome.lease;
}

/** A holder that was killed: its document is there, and shows no sign of life any more. */
async function killed(host: string): Promise<void> {
  const document = { _id: 'lease test', holder: holderOn(host), beat: 12 };
  await made.store.database.collection<typeof document>('locks').insertOne(document);
}

test('a lease that another host keeps up is refused, and names the holder', async () => {
  const lease = await taken(holderOn('a'));
  expect(await take(holderOn('b'))).toMatchObject({ holder: { host: 'a', pid: 7 } });
  expect(lease.lost.aborted).toBe(false);
  await lease.release();
});

test('of many that ask at once one gets it', async () => {
  const outcomes = await Promise.all(['a', 'b', 'c', 'd'].map((host) => take(holderOn(host))));
  const leases = outcomes.flatMap((outcome) => ('lease' in outcome ? [outcome.lease] : []));
  expect(leases).toHaveLength(1);
  await leases[0]?.release();
});

test('a lease that was released is free at once', async () => {
  await (await taken(holderOn('a'))).release();
  await (await taken(holderOn('b'))).release();
});

test('a killed holder of another host is waited for until it counts as dead, one of this machine is not', async () => {
  await killed('a');
  await (await taken(holderOn('b'))).release();
  await killed('a');
  await (await taken(holderOn('a'))).release();
});

test('a holder whose lease another one took is told', async () => {
  const lease = await taken(holderOn('a'));
  const other = await taken(holderOn('a'));
  await waitFor(() => lease.lost.aborted, 'the former holder to know');
  await lease.release();
  expect(await take(holderOn('b'))).toHaveProperty('holder');
  await other.release();
});

test('looking for a holder finds one that lives and no killed one, and writes nothing', async () => {
  const find = () => findLeaseHolder(made.store.database, 'test', signal, PACE);
  expect(await find()).toBeUndefined();
  const lease = await taken(holderOn('a'));
  expect(await find()).toMatchObject({ host: 'a', pid: 7 });
  await lease.release();
  await killed('a');
  expect(await find()).toBeUndefined();
  expect(await made.store.database.db.collection('locks').find().toArray()).toMatchObject([{ beat: 12 }]);
});
