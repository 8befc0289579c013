import { afterAll, beforeAll, expect, test } from 'vitest';
import { createCompete } from '../../../src/store/database/contention.js';
import type { Stored } from '../../../src/store/database/database.js';
import type { Store } from '../../../src/store/index.js';
import { testStore } from '../../support/store.js';

let store: Store;
let dispose: () => Promise<void>;
beforeAll(async () => {
  ({ store, dispose } = await testStore());
});
afterAll(() => dispose());

test('transactions with one subject take turns, others run beside them', async () => {
  const compete = createCompete(store.database);
  const events: string[] = [];
  let goOn: () => void = () => undefined;
  const held = new Promise<void>((resolve) => {
    goOn = resolve;
  });
  const first = compete('a', async () => {
    events.push('first begins');
    await held;
    events.push('first ends');
  });
  const second = compete('a', async () => void events.push('second'));
  await compete('b', async () => void events.push('other'));
  goOn();
  await Promise.all([first, second]);
  expect(events.indexOf('other')).toBeLessThan(events.indexOf('first ends'));
  expect(events.indexOf('second')).toBe(events.indexOf('first ends') + 1);
});

test('a fault reaches its caller alone; the next one has its turn', async () => {
  const compete = createCompete(store.database);
  const failing = compete('a', async () => {
    throw new Error('broken');
  });
  const next = compete('a', async () => 'done');
  await expect(failing).rejects.toThrow('broken');
  expect(await next).toBe('done');
});

test('work whose id is taken runs again', async () => {
  const compete = createCompete(store.database);
  const locks = store.database.collection<Stored>('locks');
  await locks.insertOne({ _id: 'taken' });
  const ids = ['taken', 'taken', 'free'];
  const outcome = await compete('a', async (session) => {
    const [id = ''] = ids.splice(0, 1);
    await locks.insertOne({ _id: id }, { session });
    return id;
  });
  expect(outcome).toBe('free');
});

test('work whose ids are always taken is given up', async () => {
  const compete = createCompete(store.database);
  const locks = store.database.collection<Stored>('locks');
  await locks.insertOne({ _id: 'always taken' });
  const outcome = await compete(
    'a',
    async (session) => void (await locks.insertOne({ _id: 'always taken' }, { session })),
  );
  expect(outcome).toEqual({ ok: false, reason: 'contended' });
});
