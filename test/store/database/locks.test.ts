import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest';
import type { Stored } from '../../../src/store/database/database.js';
import { holdLock, inSharedTransaction } from '../../../src/store/database/locks.js';
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

type Things = Stored & { n: number };

/** Work in a shared transaction that counts its beginnings. */
function sharing(id: string, n: number, end: () => void = () => {}) {
  const counted = { begun: 0, ended: Promise.resolve('') };
  counted.ended = inSharedTransaction(store.database, 'subtractions', async (session) => {
    counted.begun += 1;
    await store.database.collection<Things>('subtraction').insertOne({ _id: id, n }, { session });
    end();
    return id;
  });
  return counted;
}

const written = async (n: number) =>
  (await store.database.collection<Things>('subtraction').find({ n }).sort({ _id: 1 }).toArray()).map(({ _id }) => _id);

test('all that asks for a lock while it is held shares the next transaction', async () => {
  const transactions = vi.spyOn(store.database, 'transaction');
  onTestFinished(() => transactions.mockRestore());
  const ids = Array.from({ length: 20 }, (_, i) => `shared${i}`);
  expect(await Promise.all(ids.map((id) => sharing(id, 1).ended))).toEqual(ids);
  expect(await written(1)).toEqual(ids.toSorted());
  expect(transactions).toHaveBeenCalledTimes(2);
});

test('work that fails keeps nobody else from what was asked for', async () => {
  const before = sharing('before', 2);
  const works = [sharing('good', 2), sharing('bad', 2, () => expect.fail('broken')), sharing('late', 2)];
  const ends = await Promise.allSettled([before, ...works].map(({ ended }) => ended));
  expect(ends.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected', 'fulfilled']);
  expect(await written(2)).toEqual(['before', 'good', 'late']);
});
