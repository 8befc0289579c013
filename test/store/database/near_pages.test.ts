import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Stored } from '../../../src/store/database/database.js';
import { findPage } from '../../../src/store/database/pages.js';
import { type TestStore, testStore } from '../../support/store.js';

type Row = Stored & {
  otu: { version: number | 'removed' };
  created_at: Date;
  name: string;
  kind: string;
  own: boolean;
};

let site: TestStore;
beforeAll(async () => {
  site = await testStore();
});
afterAll(() => site.dispose());

const ORDERS = {
  'newest first': { created_at: -1, _id: 1 },
  'by name': { name: 1, _id: 1 },
  'newest versions first, removed ones before': { 'otu.version': -1, created_at: -1, _id: 1 },
} as const;

// Numbers from 0 to 1, always the same.
function lot(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    return state / 2 ** 31;
  };
}

function row(number: number, next: () => number): Row {
  const version = next() < 0.1 ? 'removed' : Math.floor(next() * 4);
  return {
    _id: `r${number.toString().padStart(6, '0')}`,
    otu: { version },
    created_at: new Date(Math.floor(next() * 40) * 1_000),
    name: ['É', 'e', 'ﬀ', '😀', 'Z'][Math.floor(next() * 5)] as string,
    kind: next() < 0.5 ? 'a' : 'b',
    own: next() < 0.1,
  };
}

describe.each(Object.entries(ORDERS))('pages %s', (_title, sort) => {
  test('are those of the whole order, whatever was added, removed and changed since the last one', async () => {
    const rows = site.store.database.collection<Row>('history');
    await rows.deleteMany({});
    const next = lot(7);
    let number = 0;
    const add = (count: number) => rows.insertMany(Array.from({ length: count }, () => row(number++, next)));
    await add(300);
    const bases = [{}, { kind: 'a' }, [{ own: true }, { kind: 'b' }], [{ own: true }]];
    for (let round = 0; round < 25; round += 1) {
      for (const base of bases) {
        const page = 1 + Math.floor(next() * 4);
        const filter = Array.isArray(base) ? { $or: base } : base;
        const expected = await rows.find(filter).sort(sort).toArray();
        const projection = { name: 1, created_at: 1, otu: 1 };
        const found = await findPage(rows, { base, sort, projection }, { page, perPage: 10 });
        expect(found.documents.map(({ _id }) => _id)).toEqual(
          expected.slice((page - 1) * 10, page * 10).map(({ _id }) => _id),
        );
        expect(found).toMatchObject({ found_count: expected.length, total_count: expected.length });
      }
      await add(1 + Math.floor(next() * 10));
      const gone = await rows
        .find()
        .sort(sort)
        .limit(Math.floor(next() * 40))
        .toArray();
      await rows.deleteMany({ _id: { $in: gone.map(({ _id }) => _id) } });
      await rows.updateMany({ kind: 'a', own: true }, { $set: { kind: 'b', own: false } });
    }
  });
});
