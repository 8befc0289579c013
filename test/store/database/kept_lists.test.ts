import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Stored } from '../../../src/store/database/database.js';
import { createKeptList, KEPT_LIMITS } from '../../../src/store/database/kept_list.js';
import { compareValues } from '../../../src/store/database/kept_rows.js';
import { findKeptPage, findPage } from '../../../src/store/database/pages.js';
import { followLists, loadLists } from '../../support/kept.js';
import { sentDuring } from '../../support/plans.js';
import { type TestStore, testStore } from '../../support/store.js';

type Sample = Stored & { name: string; host?: string | null; user: { id: string } } & Record<string, unknown>;

let site: TestStore;
let following: { stop(): Promise<void> };
beforeEach(async () => {
  site = await testStore();
});
afterEach(async () => {
  await following?.stop();
  await site.dispose();
});

const PAGE = { page: 1, perPage: 10 };
const head = { userId: 'head', administrator: true, groups: [] };
const bob = { userId: 'bob', administrator: false, groups: ['west'] };
const any = { pathoscope: [], nuvs: [] };
const names = ['Älter', 'älter', 'Rose 1', 'rose 2', 'Zoë', '\u{1F33F} leaf', '\uFF21 wide', 'e\u0301', ''];

// Numbers from 0 up to below the limit, always the same.
function lot(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    return Math.floor((state / 2 ** 31) * limit);
  };
}

function drawSample(id: number, draw: (limit: number) => number): Sample {
  const one = <T>(values: readonly T[]) => values[draw(values.length)] as T;
  return {
    _id: `s${id}`,
    name: one(names),
    ...one([{}, { host: null }, { host: 'Malus' }, { host: 'rose' }]),
    user: { id: one(['bob', 'ann', 'Rosa']) },
    created_at: new Date(1_000 * draw(20)),
    ...one([{}, { all_read: true }, { all_read: false }]),
    group: one([null, '', 'none', 'west', 'east']),
    group_read: draw(2) === 1,
    pathoscope: one([true, false, 'ip']),
    nuvs: one([true, false, 'ip']),
    quality: { count: draw(100) },
  };
}

const collection = () => site.store.database.collection<Sample>('samples');
/** Writes as another process does: only the change feed tells of it. */
const elsewhere = () => site.store.database.db.collection<Sample>('samples');
const idsOf = (page: { documents: Stored[] }) => page.documents.map(({ _id }) => _id);
const listed = async (find?: string) => idsOf(await site.store.samples.list(head, { ...any, find }, PAGE));

describe('a kept list', () => {
  test('answers like the database, whatever changes', async () => {
    const draw = lot(7);
    await collection().insertMany(Array.from({ length: 60 }, (_, id) => drawSample(id, draw)));
    following = await followLists(site.store.database);
    const { kept } = site.store.database;
    const bases = [{}, { 'user.id': 'bob' }, { $or: [{ all_read: true }, { group: 'west', group_read: true }] }];
    const searches = [
      undefined,
      { pathoscope: { $in: [true, 'ip'] } },
      { $or: [{ nuvs: { $in: [false] } }, { group: null }] },
      { all_read: { $ne: true }, group: { $exists: true } },
      { all_read: { $exists: false } },
    ];
    const byDate = { created_at: -1, _id: 1 } as const;
    const byUser = { 'user.id': 1, group: -1, _id: -1 } as const;
    for (let round = 0; round < 25; round += 1) {
      const id = draw(90);
      await collection().replaceOne({ _id: `s${id}` }, drawSample(id, draw), { upsert: true });
      await collection().deleteOne({ _id: `s${draw(90)}` });
      for (const base of bases) {
        for (const search of searches) {
          const query = { base, search, sort: draw(2) ? byDate : byUser, projection: { name: 1, created_at: 1 } };
          const page = { page: 1 + draw(4), perPage: 7 };
          const wanted = await findPage(collection(), query, page);
          expect(await findKeptPage(collection(), { ...query, kept: kept.of('samples') }, page)).toEqual(wanted);
        }
      }
    }
  });

  test('finds texts in any case and composition, never across two fields', async () => {
    await collection().insertMany([
      { _id: 'a', name: 'Älter', host: 'Malus', user: { id: 'bob' }, created_at: new Date(3) },
      { _id: 'b', name: 'A\u0308LTER $name .*', user: { id: 'Zoë' }, created_at: new Date(2) },
      { _id: 'c', name: 'plain', host: null, user: { id: 'ann' }, created_at: new Date(1) },
    ]);
    const found = async () => [
      ...[await listed('älter'), await listed('ÄLTER'), await listed('$name'), await listed('.*'), await listed('zoë')],
      ...[await listed('MALUS'), await listed('ltermal'), await listed('\0'), await listed('malus\0bob')],
    ];
    const wanted = [['a', 'b'], ['a', 'b'], ['b'], ['b'], ['b'], ['a'], [], [], []];
    expect(await found()).toEqual(wanted);
    following = await followLists(site.store.database);
    expect(await found()).toEqual(wanted);
  });

  test.each([
    ['Ａ', '\u{1F33F}'],
    ['\u{1F33F}', '\u{1F340}'],
    ['\u{1F33F}', '\uD7FF'],
    ['a', 'ab'],
    ['é', 'z'],
    ['\uE000', '\uFFFD'],
  ])('orders %j and %j by their bytes', (a, b) => {
    const wanted = Buffer.compare(Buffer.from(a), Buffer.from(b));
    expect([Math.sign(compareValues(a, b)), Math.sign(compareValues(b, a))]).toEqual([wanted, -wanted]);
  });

  test('tells of every write of this process at once', async () => {
    following = await followLists(site.store.database);
    const { database } = site.store;
    const make = (_id: string, at: number): Sample => ({
      ...{ _id, name: _id, user: { id: 'bob' }, created_at: new Date(at), group: 'west' },
    });
    await collection().insertOne(make('a', 1));
    expect(await listed()).toEqual(['a']);
    await collection().insertMany([make('b', 2), make('c', 3)]);
    expect(await listed()).toEqual(['c', 'b', 'a']);
    await collection().updateOne({ _id: 'a' }, { $set: { created_at: new Date(9) } });
    expect(await listed()).toEqual(['a', 'c', 'b']);
    await collection().findOneAndUpdate({ _id: 'b' }, { $set: { name: 'other' } });
    expect(await listed('oth')).toEqual(['b']);
    await collection().bulkWrite([
      { deleteOne: { filter: { _id: 'c' } } },
      { insertOne: { document: make('d', 4) } },
      { updateOne: { filter: { _id: 'b' }, update: { $set: { name: 'third' } } } },
    ]);
    expect([await listed(), await listed('third')]).toEqual([['a', 'd', 'b'], ['b']]);
    await database.transaction(async (session) => {
      await collection().insertOne(make('e', 5), { session });
      // Read and kept while it does not count yet.
      expect(await listed()).toEqual(['a', 'd', 'b']);
    });
    expect(await listed()).toEqual(['a', 'e', 'd', 'b']);
    // Only the server knows which these are.
    await collection().updateMany({ group: 'west' }, { $set: { created_at: new Date(7) } });
    expect(await listed()).toEqual(['a', 'b', 'd', 'e']);
    await loadLists(database);
    await collection().deleteMany({ name: 'third' });
    expect(await listed()).toEqual(['a', 'd', 'e']);
  });

  test('tells of the writes of others when the change feed brings them', async () => {
    following = await followLists(site.store.database);
    await elsewhere().insertMany([drawSample(1, lot(1)), drawSample(2, lot(2))]);
    await vi.waitFor(async () => expect(await listed()).toHaveLength(2), { timeout: 10_000 });
    await elsewhere().deleteMany({ _id: 's1' });
    await vi.waitFor(async () => expect(await listed()).toEqual(['s2']), { timeout: 10_000 });
  });

  test('answers nothing once the change feed has ended', async () => {
    following = await followLists(site.store.database);
    expect(await listed()).toEqual([]);
    await following.stop();
    await elsewhere().insertOne(drawSample(1, lot(1)));
    expect(await listed()).toEqual(['s1']);
    expect(await site.store.database.kept.of('samples').select({ filter: {}, order: [['_id', 1]] })).toBeUndefined();
  });
});

describe('what nobody has told of', () => {
  const fields = { keys: ['created_at', 'user.id', 'all_read'], texts: ['name'] };
  const query = { sort: { created_at: 1, _id: 1 } as const, projection: { name: 1, user: 1 } };
  const order = [['_id', 1]] as const;
  const at = (second: number) => ({ created_at: new Date(1_000 * second) });

  test('is looked at again where it decides who may see a document', async () => {
    await elsewhere().insertMany([
      { ...at(1), _id: 'a', name: 'Open', user: { id: 'ann' }, all_read: true },
      { ...at(2), _id: 'b', name: 'Closing', user: { id: 'ann' }, all_read: true },
      { ...at(3), _id: 'c', name: 'Going', user: { id: 'ann' }, all_read: true },
    ]);
    const kept = createKeptList(collection(), fields, () => true);
    await kept.selectAnyhow({ filter: {}, order });
    await elsewhere().updateOne({ _id: 'b' }, { $set: { all_read: false } });
    await elsewhere().deleteOne({ _id: 'c' });
    const base = { $or: [{ 'user.id': bob.userId }, { all_read: true }] };
    const page = await findKeptPage(collection(), { ...query, base, kept }, PAGE);
    expect(page).toMatchObject({ found_count: 3, documents: [{ _id: 'a', name: 'Open', user: { id: 'ann' } }] });
    expect(Object.keys(page.documents[0] ?? {}).sort()).toEqual(['_id', 'name', 'user']);
  });

  test('is not kept when there are too many rows, changes or long silence', async () => {
    await elsewhere().insertMany([0, 1, 2].map((id) => ({ ...at(id), _id: `${id}`, name: 'x', user: { id: 'ann' } })));
    const create = (limits: object) => createKeptList(collection(), fields, () => true, { ...KEPT_LIMITS, ...limits });
    const isKept = async (list: ReturnType<typeof create>) => (await list.select({ filter: {}, order })) !== undefined;
    const loaded = async (limits: object) => {
      const list = create(limits);
      expect(await list.selectAnyhow({ filter: {}, find: 'X', order })).toHaveLength(3);
      return list;
    };
    expect(await isKept(await loaded({}))).toBe(true);
    expect(await isKept(await loaded({ rows: 2 }))).toBe(false);
    const changing = await loaded({ changes: 1 });
    changing.note(['0']);
    expect(await isKept(changing)).toBe(true);
    changing.note(['0', '1']);
    expect(await isKept(changing)).toBe(false);
    const unused = await loaded({ unusedMs: -1 });
    unused.note(['0']);
    expect(await isKept(unused)).toBe(false);
  });

  test('is read in the background when there is much of it', async () => {
    await elsewhere().insertOne({ ...at(1), _id: 'a', name: 'x', user: { id: 'ann' } });
    const kept = createKeptList(collection(), fields, () => true, { ...KEPT_LIMITS, refreshAt: 2 });
    await kept.selectAnyhow({ filter: {}, order });
    await elsewhere().insertOne({ ...at(2), _id: 'b', name: 'y', user: { id: 'ann' } });
    const sent = await sentDuring(site.store.database, async () => kept.note(['b', 'c']));
    expect(sent).toEqual([]);
    expect(await kept.ids({})).toEqual(['a', 'b']);
  });
});

test('the jobs that somebody may see follow the rights on their samples, without reading any sample', async () => {
  following = await followLists(site.store.database);
  const { store } = site;
  const jobs = store.database.collection<Stored & Record<string, unknown>>('jobs');
  const job = (_id: string, user: string, args: object) => ({
    ...{ _id, task: 'nuvs', args, user: { id: user }, created_at: new Date(0), proc: 1, mem: 1, status: [] },
  });
  await collection().insertMany([
    { _id: 'open', name: 'Open', user: { id: 'ann' }, all_read: true },
    { _id: 'closed', name: 'Closed', user: { id: 'ann' }, all_read: false },
  ]);
  await jobs.insertMany([
    job('1', 'ann', { sample_id: 'open' }),
    job('2', 'ann', { sample_id: 'closed' }),
    job('3', 'bob', { sample_id: 'closed' }),
    job('4', 'ann', { ref_id: 'r' }),
    job('5', 'ann', {}),
  ]);
  const seen = async () => idsOf(await store.jobs.list(await store.jobRights.scope(bob), undefined, PAGE));
  expect(await seen()).toEqual(['1', '3', '5']);
  await collection().updateOne({ _id: 'closed' }, { $set: { all_read: true } });
  await collection().updateOne({ _id: 'open' }, { $set: { all_read: false } });
  expect(await seen()).toEqual(['2', '3', '5']);
});
