import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Stored } from '../../../src/store/database/database.js';
import { holdLock } from '../../../src/store/database/locks.js';
import type { Store } from '../../../src/store/index.js';
import { testStore } from '../../support/store.js';

let store: Store;
let dispose: () => Promise<void>;
beforeAll(async () => {
  ({ store, dispose } = await testStore());
});
afterAll(() => dispose());

test('transactions that hold one lock take turns, and none has to start again', async () => {
  const begun: number[] = [];
  await Promise.all(
    Array.from({ length: 15 }, (_, i) =>
      store.database.transaction(async (session) => {
        begun.push(i);
        await holdLock(store.database, 'samples', session);
        await store.database.collection<Stored>('samples').insertOne({ _id: `s${i}` }, { session });
      }),
    ),
  );
  expect(begun).toHaveLength(15);
});

test('one that fails gives its turn away', async () => {
  const failing = store.database.transaction(async (session) => {
    await holdLock(store.database, 'samples', session);
    throw new Error('broken');
  });
  const next = store.database.transaction(async (session) => {
    await holdLock(store.database, 'samples', session);
    return 'done';
  });
  await expect(failing).rejects.toThrow('broken');
  expect(await next).toBe('done');
});

test('two that wait for each other go on all the same', { timeout: 30_000 }, async () => {
  const crossing = (first: 'samples' | 'analyses', second: 'samples' | 'analyses') =>
    store.database.transaction(async (session) => {
      await holdLock(store.database, first, session);
      await holdLock(store.database, second, session);
      return 'done';
    });
  expect(await Promise.all([crossing('samples', 'analyses'), crossing('analyses', 'samples')])).toEqual([
    'done',
    'done',
  ]);
});
