import { setTimeout } from 'node:timers/promises';
import type { CommandStartedEvent } from 'mongodb';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { encodeJson } from '../../../src/api/http/json.js';
import { jsonList } from '../../../src/api/http/route.js';
import { openDatabase } from '../../../src/store/database/database.js';
import type { OtuDiff } from '../../../src/store/history/otu_diff.js';
import { createStore } from '../../../src/store/index.js';
import { type Laboratory, laboratory } from '../../support/laboratory.js';
import { quietLogger } from '../../support/logger.js';
import { editOtu, insertOtu, otuOf, referenceOf, removeOtu } from '../../support/references.js';

let lab: Laboratory;
beforeAll(async () => {
  lab = await laboratory({ anna: {} });
});
afterAll(() => lab.dispose());

const get = (path: string) => lab.send('bob', 'GET', path);

async function addReference(names: string[] = []): Promise<string> {
  const reference = referenceOf();
  await lab.store.references.insert(reference);
  for (const name of names) await insertOtu(lab.store, otuOf(reference._id, { name, abbreviation: name.slice(0, 2) }));
  return reference._id;
}

test('OTUs of a reference are listed by name with the number of changed ones of this reference', async () => {
  const referenceId = await addReference(['Potato virus', 'Apple virus', 'Tobacco virus']);
  await addReference(['Foreign virus']);
  const { body } = await get(`/api/refs/${referenceId}/otus?per_page=2`);
  expect(body).toMatchObject({
    total_count: 3,
    found_count: 3,
    page_count: 2,
    per_page: 2,
    page: 1,
    modified_count: 3,
  });
  expect(body.documents[0]).toEqual({
    id: expect.any(String),
    name: 'Apple virus',
    abbreviation: 'Ap',
    reference: { id: referenceId },
    verified: true,
    version: 0,
  });
  expect(body.documents[1].name).toBe('Potato virus');
});

test('lists are searched by name and abbreviation and filtered by verification', async () => {
  const referenceId = await addReference(['Potato virus', 'true virus']);
  await insertOtu(lab.store, otuOf(referenceId, { name: 'Empty', isolates: [], verified: false }));
  const names = async (query: string) => {
    const { body } = await get(`/api/refs/${referenceId}/otus?${query}`);
    return body.documents.map((otu: { name: string }) => otu.name);
  };
  expect(await names('find=POTATO')).toEqual(['Potato virus']);
  expect(await names('find=true')).toEqual(['true virus']);
  expect(await names('verified=false')).toEqual(['Empty']);
  expect(await names('verified=1')).toEqual(['Potato virus', 'true virus']);
  expect(await names('find=v&verified=false')).toEqual([]);
});

test('names alone come as a bare list, of one reference and of all', async () => {
  const referenceId = await addReference(['B', 'A']);
  const { body } = await get(`/api/refs/${referenceId}/otus?names=true`);
  expect(body).toEqual([
    { id: expect.any(String), name: 'A' },
    { id: expect.any(String), name: 'B' },
  ]);
  expect((await get('/api/otus?names=true')).body).toEqual(expect.arrayContaining(body));
  expect((await get('/api/otus?find=true')).status).toBe(200);
  expect((await get('/api/refs/unknown1/otus')).status).toBe(404);
});

test('an OTU is shown with its isolates and sequences, its newest unbuilt change and its issues of now', async () => {
  const referenceId = await addReference();
  const otu = await insertOtu(lab.store, otuOf(referenceId));
  await lab.store.otus.collection.updateOne({ _id: otu._id }, { $set: { issues: { empty_otu: true } as never } });
  const { body } = await get(`/api/otus/${otu._id}`);
  const { _id, otu_id: _otu, isolate_id: _isolate, ...sequence } = otu.isolates[0]!.sequences[0]!;
  expect(body.isolates[0]).toEqual({ ...otu.isolates[0], sequences: [{ id: _id, ...sequence }] });
  expect(body).toMatchObject({ id: otu._id, issues: null, version: 0, last_indexed_version: null });
  expect(body).not.toHaveProperty('lower_name');
  expect(body.most_recent_change).toEqual({
    id: `${otu._id}.0`,
    method_name: 'create',
    description: 'create',
    created_at: expect.any(String),
    otu: { id: otu._id, name: otu.name, version: 0 },
    user: { id: 'bob' },
  });
  await lab.store.history.collection.updateMany(
    { 'otu.id': otu._id },
    { $set: { index: { id: 'built', version: 0 } } },
  );
  expect((await get(`/api/otus/${otu._id}`)).body.most_recent_change).toBeNull();
});

test.each([
  ['no isolates', [], { empty_otu: true, empty_isolate: false, empty_sequence: false, isolate_inconsistency: false }],
  [
    'an isolate without sequences',
    ['', 'ACGT'],
    { empty_otu: false, empty_isolate: ['i0'], isolate_inconsistency: false },
  ],
  ['isolates of different numbers', ['ACGT', 'ACGT,ACGT'], { empty_isolate: false, isolate_inconsistency: true }],
])('issues: %s', async (_title, isolates, issues) => {
  const otu = otuOf(await addReference());
  const [template] = otu.isolates;
  otu.isolates = isolates.map((content, n) => ({
    ...template!,
    id: `i${n}`,
    default: n === 0,
    sequences: content
      .split(',')
      .filter(Boolean)
      .map((sequence, m) => ({
        ...template!.sequences[0]!,
        _id: `${otu._id}_${n}_${m}`,
        isolate_id: `i${n}`,
        sequence,
      })),
  }));
  await insertOtu(lab.store, otu);
  expect((await get(`/api/otus/${otu._id}`)).body.issues).toMatchObject(issues);
});

test('issues: sequences without bases are given whole', async () => {
  const otu = otuOf(await addReference());
  otu.isolates[0]!.sequences[0]!.sequence = '';
  await insertOtu(lab.store, otu);
  const { issues } = (await get(`/api/otus/${otu._id}`)).body;
  expect(issues.empty_sequence).toEqual([otu.isolates[0]!.sequences[0]]);
});

// Clients read `_id` here and `id` everywhere else.
test('the changes of an OTU come raw with their diffs, oldest first', async () => {
  const otu = await insertOtu(lab.store, otuOf(await addReference()));
  await editOtu(lab.store, otu._id, (one) => {
    one.name = 'New';
  });
  const { body } = await get(`/api/otus/${otu._id}/history`);
  expect(body.map((change: { _id: string }) => change._id)).toEqual([`${otu._id}.0`, `${otu._id}.1`]);
  expect(body[1].diff).toEqual([
    ['change', 'name', [otu.name, 'New']],
    ['change', 'version', [0, 1]],
  ]);
  await removeOtu(lab.store, otu._id);
  expect((await get(`/api/otus/${otu._id}/history`)).status).toBe(404);
  expect((await get(`/api/otus/${otu._id}/history?page=1`)).status).toBe(404);
  expect((await get(`/api/otus/${otu._id}`)).status).toBe(404);
});

describe('the changes of an OTU with 60 versions', () => {
  let otuId: string;
  beforeAll(async () => {
    const otu = await insertOtu(lab.store, otuOf(await addReference()));
    otuId = otu._id;
    const [created] = await lab.store.history.ofOtu(otuId).toArray();
    const changes = Array.from({ length: 60 }, (_, index) => ({
      ...created!,
      _id: `${otuId}.${index + 1}`,
      otu: { id: otuId, name: otu.name, version: index + 1 },
      // So large that not all of them are read at once.
      diff: [['change', 'name', ['x'.repeat(100_000), 'y']]] as OtuDiff,
    }));
    await lab.store.history.collection.insertMany(changes.reverse());
  });
  const history = async (query = '') => (await get(`/api/otus/${otuId}/history${query}`)).body;
  const ids = (from: number, to: number) => Array.from({ length: to - from }, (_, n) => `${otuId}.${from + n}`);

  test('come all in a bare list', async () => {
    const stored = await lab.store.history.ofOtu(otuId).toArray();
    const response = await lab.app.request(`/api/otus/${otuId}/history`, { headers: { 'X-User': 'bob' } });
    expect(response.headers.get('Content-Type')).toBe('application/json; charset=utf-8');
    expect(await response.text()).toBe(encodeJson(stored));
    expect(stored.map(({ _id }) => _id)).toEqual(ids(0, 61));
  });

  test('are read no faster than the client reads them, and no further when it leaves', async () => {
    const read: string[] = [];
    const note = (event: CommandStartedEvent) => read.push(event.commandName);
    const database = await openDatabase({ url: lab.databaseUrl, name: lab.databaseName, monitorCommands: true });
    database.client.on('commandStarted', note);
    const list = jsonList(createStore(database).history.ofOtu(otuId), quietLogger);
    const reader = list.body!.getReader();
    const commands = () => read.filter((name) => ['find', 'getMore', 'killCursors'].includes(name));
    // What is read ahead would be read by then.
    await setTimeout(200);
    expect(commands()).toEqual([]);
    await reader.read();
    await setTimeout(200);
    expect(commands()).toEqual(['find']);
    for (let at = 1; at < 25; at += 1) await reader.read();
    expect(commands()).toEqual(['find', 'getMore']);
    await reader.cancel();
    expect(commands()).toEqual(['find', 'getMore', 'killCursors']);
    await database.close();
  });

  test('come in pages when one is asked for, without diffs', async () => {
    const first = await history('?page=1');
    expect(first).toMatchObject({ total_count: 61, found_count: 61, page_count: 3, per_page: 25, page: 1 });
    expect(first.documents.map(({ id }: { id: string }) => id)).toEqual(ids(0, 25));
    expect(first.documents[1]).not.toHaveProperty('_id');
    expect(first.documents[1]).not.toHaveProperty('diff');
    const last = await history('?per_page=30&page=3');
    expect(last.documents.map(({ id }: { id: string }) => id)).toEqual(ids(60, 61));
    expect((await history('?per_page=2')).documents).toHaveLength(2);
    expect((await history('?page=4')).documents).toEqual([]);
  });

  test.each(['page=0', 'page=-1', 'page=x', 'per_page=0', 'per_page=501', 'per_page=', 'page=1&page=2'])(
    'with %s are the page that other lists give',
    async (query) => {
      const shape = ({ page, per_page }: { page: number; per_page: number }) => ({ page, per_page });
      const mine = await history(`?${query}`);
      expect(shape(mine)).toEqual(shape((await get(`/api/history?${query}`)).body));
      expect(mine.documents).toHaveLength(Math.min(mine.per_page, 61));
    },
  );
});
