import { access, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { repairLeftovers } from '../../../src/activities/upkeep/start_up.js';
import type { Stored } from '../../../src/store/database/database.js';
import { type TestStore, testStore } from '../../support/store.js';

let site: TestStore;
beforeEach(async () => {
  site = await testStore();
});
afterEach(() => site.dispose());

type Loose = Stored & Record<string, unknown>;
const analyses = () => site.store.database.collection<Loose>('analyses');

/** Repairs, and gives what was logged. */
async function repair() {
  const lines: { level: number; subject?: string; count?: number; analysisId?: string }[] = [];
  const log = pino({}, { write: (line: string) => void lines.push(JSON.parse(line)) });
  await repairLeftovers({ store: site.store, data: site.data, log });
  return lines.map(({ level, subject, count, analysisId }) => ({ level, subject: subject ?? analysisId, count }));
}

async function addAnalysis(_id: string, changes: object, files: Record<string, unknown> = {}): Promise<string> {
  await analyses().insertOne({ _id, sample: { id: 's' }, algorithm: 'pathoscope_bowtie', ready: true, ...changes });
  const folder = site.data.analysis('s', _id);
  await mkdir(folder, { recursive: true });
  for (const [name, content] of Object.entries(files)) {
    await writeFile(join(folder, name), typeof content === 'string' ? content : JSON.stringify(content));
  }
  return folder;
}

const results = async (folder: string) => JSON.parse(await readFile(join(folder, 'results.json'), 'utf8'));

test('results files of old releases get the name and the content of today', async () => {
  const diagnosis = [{ id: 'x', coverage: 0.5 }];
  const old = await addAnalysis(
    'old',
    { diagnosis: 'file', ready: false },
    { 'pathoscope.json': { diagnosis, ready: true, read_count: 42 } },
  );
  const plain = await addAnalysis('plain', { results: 'file' }, { 'pathoscope.json': diagnosis });
  const nuvs = await addAnalysis('nuvs', { results: 'file', algorithm: 'nuvs' }, { 'nuvs.json': [{ index: 0 }] });
  expect(await repair()).toEqual([
    { level: 30, subject: 'fields of analyses', count: 1 },
    { level: 30, subject: 'results files of old analyses', count: 3 },
  ]);
  expect(await Promise.all([old, plain, nuvs].map(results))).toEqual([diagnosis, diagnosis, [{ index: 0 }]]);
  expect(await Promise.all([old, plain, nuvs].map((folder) => readdir(folder)))).toEqual(
    Array(3).fill(['results.json']),
  );
  expect(await analyses().findOne({ _id: 'old' })).toMatchObject({ results: 'file', ready: true, read_count: 42 });
  expect(await repair()).toEqual([]);
});

// The working file of a Pathoscope run has the name of the old results file.
test('working files of analyses of today stay, and an unreadable old file hinders nothing', async () => {
  const working = await addAnalysis('working', { results: [] }, { 'pathoscope.json': { results: [] } });
  const large = await addAnalysis(
    'large',
    { results: 'file' },
    { 'pathoscope.json': { results: [] }, 'results.json': [1] },
  );
  const broken = await addAnalysis('broken', { results: 'file' }, { 'pathoscope.json': '{"diagnosis": [' });
  const strange = await addAnalysis('strange', { results: 'file' }, { 'pathoscope.json': { other: 1 } });
  await addAnalysis('absent', { results: 'file' });
  const late = await addAnalysis('zlate', { results: 'file' }, { 'pathoscope.json': [2] });
  const lines = await repair();
  expect(
    lines
      .filter(({ level }) => level === 50)
      .map(({ subject }) => subject)
      .sort(),
  ).toEqual(['broken', 'strange']);
  expect(await readdir(working)).toEqual(['pathoscope.json']);
  expect(await results(large)).toEqual([1]);
  expect([await readdir(broken), await readdir(strange)]).toEqual([['pathoscope.json'], ['pathoscope.json']]);
  expect(await results(late)).toEqual([2]);
});

test('an analysis on which nobody works goes, with its folder and its mark on the sample', async () => {
  const sample = { _id: 's', paired: false, srna: false, imported: false, files: [], pathoscope: 'ip', nuvs: false };
  await site.store.database.collection<Loose>('samples').insertOne(sample);
  const job = (_id: string, state: string): Loose => ({
    _id,
    task: 'pathoscope_bowtie',
    args: {},
    status: [{ state: 'waiting' }, { state }],
  });
  await site.store.database
    .collection<Loose>('jobs')
    .insertMany([job('w', 'waiting'), job('r', 'running'), job('e', 'error'), job('c', 'complete')]);
  const gone = [
    await addAnalysis('ended', { ready: false, job: { id: 'e' } }),
    await addAnalysis('unknown', { ready: false, job: { id: 'x' } }),
    await addAnalysis('none', { ready: false }),
  ];
  for (const id of ['w', 'r']) await addAnalysis(id, { ready: false, job: { id } });
  await addAnalysis('c', { job: { id: 'c' }, results: [] });
  expect(await repair()).toContainEqual({ level: 30, subject: 'analyses without a job', count: 3 });
  expect((await analyses().find().sort({ _id: 1 }).toArray()).map(({ _id }) => _id)).toEqual(['c', 'r', 'w']);
  for (const folder of gone) await expect(access(folder)).rejects.toThrow('ENOENT');
  expect((await readdir(join(site.data.sample('s'), 'analysis'))).sort()).toEqual(['c', 'r', 'w']);
  await analyses().deleteMany({ _id: { $in: ['c'] } });
  await analyses().updateMany({}, { $set: { 'job.id': 'e' } });
  await repair();
  expect(await site.store.samples.get('s')).toMatchObject({ pathoscope: false });
});

test('a repair that fails is logged and does not keep the others from their work', async () => {
  await analyses().insertOne({ _id: 'nowhere', algorithm: 'nuvs', ready: false });
  await site.store.database.collection<Loose>('groups').insertOne({ _id: 'g' });
  const lines = await repair();
  expect(lines).toContainEqual({ level: 30, subject: 'permissions of groups', count: 1 });
  expect(lines).toContainEqual({ level: 50, subject: 'analyses without a job', count: undefined });
});
