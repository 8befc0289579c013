import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { ReadsFacts } from '../../../src/store/samples/samples.js';
import { type Laboratory, laboratory } from '../../support/laboratory.js';

let lab: Laboratory;
beforeAll(async () => {
  lab = await laboratory();
});
afterAll(() => lab.dispose());
beforeEach(async () => {
  for (const name of ['samples', 'subtraction', 'files', 'jobs'] as const) {
    await lab.database.collection(name).deleteMany({});
  }
  await lab.addHost('Vitis');
});

const owner = {
  user: { id: 'head' },
  group: 'none',
  group_read: true,
  group_write: false,
  all_read: true,
  all_write: false,
  cost: { proc: 2, mem: 4 },
};

const INPUT = { srna: false, phred_offset: null, pairing: 'by_name', uniqueNames: true } as const;

const create = (name: string, files: string[], changes: { uniqueNames?: boolean } = {}) =>
  lab.store.samples.create({ ...INPUT, name, files, subtraction: 'Vitis', ...changes }, owner);

const FACTS: ReadsFacts = {
  phred: { offset: 33, decided_by: 'qualities', lowest: 35, highest: 70, reason: 'So it is.' },
  unique_names: true,
  warnings: [],
  notes: ['U was read as T in 12 reads.'],
};

const countOf = (outcomes: unknown[]) => {
  const counts: Record<string, number> = {};
  for (const outcome of outcomes) {
    const kind = typeof outcome === 'string' ? outcome : 'created';
    counts[kind] = (counts[kind] ?? 0) + 1;
  }
  return counts;
};

test('of many samples that want the same upload at once, one gets it', async () => {
  const fileId = await lab.upload('reads', 'a.fq');
  const outcomes = await Promise.all(Array.from({ length: 6 }, (_, index) => create(`S${index}`, [fileId])));
  expect(countOf(outcomes)).toEqual({ created: 1, no_file: 5 });
  expect(await lab.store.samples.collection.countDocuments()).toBe(1);
  expect(await lab.store.jobs.collection.countDocuments()).toBe(1);
});

test('of many samples with the same name at once, one is made, and the uploads of the others stay free', async () => {
  const files = await Promise.all(Array.from({ length: 6 }, (_, index) => lab.upload('reads', `${index}.fq`)));
  const outcomes = await Promise.all(files.map((fileId) => create('Same', [fileId])));
  expect(countOf(outcomes)).toEqual({ created: 1, name_taken: 5 });
  expect(await lab.store.files.collection.countDocuments({ reserved: true })).toBe(1);
  expect(await lab.store.jobs.collection.countDocuments()).toBe(1);
});

test('names may be used twice while the setting is off, and not any more when it is on again', async () => {
  const files = await Promise.all(['a', 'b', 'c'].map((name) => lab.upload('reads', name)));
  expect(await create('Same', [files[0]!], { uniqueNames: false })).toHaveProperty('sample');
  expect(await create('Same', [files[1]!], { uniqueNames: false })).toHaveProperty('sample');
  expect(await create('Same', [files[2]!])).toBe('name_taken');
});

test('two samples that take the same name by edits at once: one gets it', async () => {
  const files = await Promise.all(['a', 'b'].map((name) => lab.upload('reads', name)));
  const made = await Promise.all(files.map((fileId, index) => create(`S${index}`, [fileId])));
  const ids = made.map((outcome) => (typeof outcome === 'string' ? outcome : outcome.sample._id));
  const edits = await Promise.all(ids.map((id) => lab.store.samples.update(id, { name: 'Wanted' }, true)));
  expect(edits.filter((outcome) => outcome === 'name_taken')).toHaveLength(1);
  expect(await lab.store.samples.collection.countDocuments({ name: 'Wanted' })).toBe(1);
  // The former name is free again.
  const other = await lab.upload('reads', 'c');
  const freed = edits[0] === 'name_taken' ? 'S1' : 'S0';
  expect(await create(freed, [other])).toHaveProperty('sample');
});

// Otherwise a sample could be linked to a host that is gone, and never be analysed.
test('a host is either linked or removed, never both', async () => {
  for (let round = 0; round < 10; round += 1) {
    const host = `Host ${round}`;
    await lab.addHost(host);
    const fileId = await lab.upload('reads', 'a.fq');
    const input = { ...INPUT, name: `S${round}`, files: [fileId], subtraction: host };
    const [created, removed] = await Promise.all([
      lab.store.samples.create(input, owner),
      lab.store.subtractions.removeUnused(host),
    ]);
    const isLinked = typeof created !== 'string';
    expect(removed).toBe(isLinked ? 'linked' : 'removed');
    if (!isLinked) expect(created).toBe('no_subtraction');
  }
});

test('what jobs store is refused once the sample is gone', async () => {
  expect(await lab.store.samples.setFiles('gone0000', [])).toBe(false);
  expect(await lab.store.samples.stageQuality('gone0000', {}, FACTS)).toBe(false);
  expect(await lab.store.samples.remove('gone0000')).toEqual({ cacheIds: [], uploadIds: [] });
});

test('a sample that is published has its quality, which nobody has seen before', async () => {
  const made = await create('S', [await lab.upload('reads', 'a.fq')]);
  const id = typeof made === 'string' ? made : made.sample._id;
  const publish = () => lab.store.database.transaction((session) => lab.store.samples.publish(id, session));
  expect(await publish()).toBe(false);
  expect(await lab.store.samples.stageQuality(id, { count: 7 }, FACTS)).toBe(true);
  const detail = await lab.send('head', 'GET', `/api/samples/${id}`);
  expect(detail.body).toMatchObject({ quality: null, imported: 'ip' });
  expect(detail.body).not.toHaveProperty('staged');
  expect(await publish()).toBe(true);
  const stored = await lab.store.samples.get(id);
  expect(stored).toMatchObject({ quality: { count: 7 }, imported: false, ...FACTS });
  expect(stored).not.toHaveProperty('staged');
});
