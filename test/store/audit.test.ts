import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type AuditDocument, type AuditEvent, createAuditStore } from '../../src/store/audit.js';
import { createCompete } from '../../src/store/database/contention.js';
import { type TestStore, testStore } from '../support/store.js';

let lab: TestStore;
beforeEach(async () => {
  lab = await testStore();
});
afterEach(() => lab.dispose());

const event = (changes: Partial<AuditEvent> = {}): AuditEvent => ({
  action: 'settings',
  outcome: 'done',
  user: 'head',
  via: 'session',
  address: '192.0.2.1',
  target: 'PATCH /api/settings',
  details: { enable_api: true, list: [1, { b: 2, a: 1 }] },
  ...changes,
});

const entries = () => lab.store.database.collection<AuditDocument>('audit');

async function append(count: number): Promise<void> {
  for (let done = 0; done < count; done += 1) await lab.store.audit.append(event());
}

test('entries are numbered one after the other, and each holds the hash of the one before', async () => {
  expect(await lab.store.audit.verify()).toEqual({ ok: true, count: 0, hash: '0'.repeat(64) });
  await append(3);
  const found = await entries().find().sort({ _id: 1 }).toArray();
  expect(found.map(({ number }) => number)).toEqual([1, 2, 3]);
  expect(found.slice(1).map(({ previous }) => previous)).toEqual(found.slice(0, -1).map(({ hash }) => hash));
  expect(await lab.store.audit.verify()).toEqual({ ok: true, count: 3, hash: found[2]?.hash });
});

test('many who append at once, from several processes, make one chain', async () => {
  const other = createAuditStore(lab.store.database, createCompete(lab.store.database));
  const numbers = await Promise.all(
    Array.from({ length: 20 }, (_, index) =>
      (index % 2 ? other : lab.store.audit).append(event({ user: `u${index}` })),
    ),
  );
  expect([...numbers].sort((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, index) => index + 1));
  expect(await other.verify()).toMatchObject({ ok: true, count: 20 });
});

describe('the verification names the first entry that', () => {
  test('was changed', async () => {
    await append(4);
    await entries().updateOne({ number: 2 }, { $set: { user: 'somebody else' } });
    expect(await lab.store.audit.verify()).toMatchObject({ ok: false, count: 1, broken: 2 });
  });

  test('was changed together with its hash', async () => {
    await append(4);
    const [, , third] = await entries().find().sort({ _id: 1 }).toArray();
    await entries().updateOne({ number: 2 }, { $set: { hash: third?.hash ?? '' } });
    expect(await lab.store.audit.verify()).toMatchObject({ ok: false, broken: 2 });
  });

  test('is missing', async () => {
    await append(4);
    await entries().deleteOne({ number: 3 });
    expect(await lab.store.audit.verify()).toMatchObject({ ok: false, count: 2, broken: 3 });
  });

  test('was there when somebody noted it, and was cut off since or written anew', async () => {
    await append(4);
    const verified = await lab.store.audit.verify();
    const known = { number: verified.count, hash: verified.ok ? verified.hash : '' };
    expect(await lab.store.audit.verify(known)).toMatchObject({ ok: true });
    await entries().deleteOne({ number: 4 });
    expect(await lab.store.audit.verify()).toMatchObject({ ok: true, count: 3 });
    expect(await lab.store.audit.verify(known)).toMatchObject({ ok: false, broken: 4 });
    await append(1);
    expect(await lab.store.audit.verify(known)).toMatchObject({ ok: false, broken: 4 });
  });
});

test('entries are found by user, action, outcome and time, newest first', async () => {
  const { audit } = lab.store;
  await audit.append(event({ user: 'ann', action: 'key' }));
  await audit.append(event({ user: 'bob', action: 'key', outcome: 'refused' }));
  const later = new Date(Date.now() + 1);
  await new Promise((resolve) => setTimeout(resolve, 5));
  await audit.append(event({ user: 'ann', action: 'member' }));
  const numbers = async (query: Parameters<typeof audit.list>[0]) =>
    (await audit.list(query, { page: 1, perPage: 10 })).documents.map(({ number }) => number);
  expect(await numbers({})).toEqual([3, 2, 1]);
  expect(await numbers({ user: 'ann' })).toEqual([3, 1]);
  expect(await numbers({ action: 'key' })).toEqual([2, 1]);
  expect(await numbers({ outcome: 'refused' })).toEqual([2]);
  expect(await numbers({ from: later })).toEqual([3]);
  expect(await numbers({ to: later })).toEqual([2, 1]);
});
