import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Db } from 'mongodb';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { AdoptionReport } from '../../src/adoption/adopt.js';
import { testFolder } from '../support/folders.js';
import { type TestDatabase, testDatabase } from '../support/servers.js';
import { buildOldInstallation } from './old_installation.js';
import { dumpDatabase, dumpTree, foundBy, runAdoption } from './site.js';

/** What there is to find in the old installation. */
const FOUND = {
  analysis_jobs: ['anaagain', 'anafile0', 'anahalf0', 'analost0'],
  unfinished_jobs: ['jobagain', 'jobapple', 'jobhalf0', 'joblost0', 'jobmute0'],
  ended_replacements: ['smpbare0'],
  unfinished_samples: ['smpstuck'],
  unfinished_subtractions: ['Pear'],
  unfinished_indexes: ['idxhalf0'],
  lost_changes: ['idxgone0'],
  unfinished_analyses: ['anastuck'],
  dead_caches: ['cacgone0', 'cachalf0'],
  unfinished_processes: ['hmmproc1', 'procdel1', 'procimp1', 'procrem1', 'procsoft'],
  stuck_updates: ['refremot'],
  keys_of_nobody: ['gone_0'],
  dead_sessions: ['bob', 'alice'],
  unknown_passwords: ['carol'],
  unfinished_uploads: ['gggggggg-cut.fq'],
  lost_uploads: ['cccccccc-c.fq'],
  changed_uploads: ['hhhhhhhh-short.fq'],
  unknown_uploads: ['zzzzzzzz-nobody.fq'],
  unknown_samples: ['ananone0', 'smpgone0'],
  unknown_caches: ['cacnone0'],
  unknown_subtractions: ['plum'],
  unknown_indexes: ['idxnone1', 'refgone0'],
  unknown_logs: ['jobgone0'],
  index_files: ['idxbuilt'],
  lost_reads: ['smpbare0'],
  lost_results: ['anaempty'],
  lost_subtractions: ['../samples'],
  unsafe_ids: ['subtraction ../samples'],
};
const LEFT = ['unknown_passwords', 'changed_uploads', 'lost_reads', 'lost_results', 'lost_subtractions', 'unsafe_ids'];

let temporary: TestDatabase;
let db: Db;
let dataPath: string;
let place: { url: string; name: string; dataPath: string };
beforeAll(async () => {
  temporary = await testDatabase();
  ({ db } = temporary);
});
afterAll(() => temporary.dispose());

const one = (collection: string, id: string) => db.collection<{ _id: string }>(collection).findOne({ _id: id });
const aside = (path: string) => join(dataPath, 'adopted', '2026-01-02', path);

async function build(): Promise<void> {
  await db.dropDatabase();
  dataPath = testFolder();
  place = { url: temporary.url, name: temporary.name, dataPath };
  await buildOldInstallation(db, dataPath);
}

test('a dry run finds all and writes nothing, neither in the database nor on the disk', async () => {
  await build();
  const before = [await dumpDatabase(db), dumpTree(dataPath, { times: true })];
  const report = await runAdoption(place, { dryRun: true });
  expect([await dumpDatabase(db), dumpTree(dataPath, { times: true })]).toEqual(before);
  expect(foundBy(report)).toEqual(FOUND);
  expect(report).toMatchObject({ dry_run: true, set_aside: null });
  for (const { repaired, found, left, repairable, rule } of report.rules) {
    expect([rule, repaired, left, repairable]).toEqual([rule, 0, found, LEFT.includes(rule) ? 0 : found]);
  }
});

test('an adoption repairs what it finds, tells what is left, and a second one finds nothing else', async () => {
  await build();
  const first = await runAdoption(place);
  expect(foundBy(first)).toEqual(FOUND);
  for (const { rule, found, repaired, left } of first.rules) {
    expect([rule, repaired, left]).toEqual(LEFT.includes(rule) ? [rule, 0, found] : [rule, found, 0]);
  }
  expect(first.documents.samples).toEqual({ before: 7, after: 5 });
  expect(first.documents.indexes).toEqual({ before: 3, after: 2 });
  expect(first.files.files).toEqual({ before: 8, after: 6 });
  expect(first.set_aside).toBe(join('adopted', '2026-01-02'));

  const after = [await dumpDatabase(db), dumpTree(dataPath, { times: false })];
  const second = await runAdoption(place);
  expect(Object.keys(foundBy(second))).toEqual(LEFT);
  expect(second.rules.every(({ repaired }) => repaired === 0)).toBe(true);
  expect([await dumpDatabase(db), dumpTree(dataPath, { times: false })]).toEqual(after);
});

test('a build and a host that were ready when their job was killed are whole, and the job is complete', async () => {
  await build();
  await db.collection<{ _id: string }>('indexes').updateOne({ _id: 'idxwork0' }, { $set: { ready: true } });
  await db.collection<{ _id: string }>('subtraction').updateOne({ _id: 'Apple' }, { $set: { ready: true } });
  await runAdoption(place);
  expect(await one('jobs', 'jobwork0')).toMatchObject({ status: [{}, { state: 'complete', stage: 'replace_old' }] });
  expect(await one('jobs', 'jobapple')).toMatchObject({ status: [{}, {}, { state: 'complete', stage: 'compress' }] });
  expect(await one('otus', 'otuwork0')).toMatchObject({ last_indexed_version: 0 });
  // Its files were never written.
  expect(await one('indexes', 'idxwork0')).toMatchObject({ ready: true, has_files: false });
});

test('a disk of references that is not mounted costs no index its files', async () => {
  await build();
  rmSync(join(dataPath, 'references'), { recursive: true });
  mkdirSync(join(dataPath, 'references'));
  await db.collection<{ _id: string }>('indexes').updateOne({ _id: 'idxbuilt' }, { $set: { has_files: true } });
  const report = await runAdoption(place);
  expect(foundBy(report)).toMatchObject({ lost_indexes: ['refbuilt'] });
  expect(await one('indexes', 'idxbuilt')).toMatchObject({ has_files: true });
});

test('nothing is overwritten where something of the same name was moved to before', async () => {
  await build();
  await runAdoption(place);
  writeFileSync(join(dataPath, 'files', 'zzzzzzzz-nobody.fq'), 'another one');
  await runAdoption(place);
  expect(readFileSync(aside('files/zzzzzzzz-nobody.fq'), 'utf8')).toBe('nobody knows');
  expect(readFileSync(aside('files/zzzzzzzz-nobody.fq.1'), 'utf8')).toBe('another one');
});

describe('after an adoption', () => {
  let before: string[];
  let report: AdoptionReport;
  let dispose: () => void;
  beforeAll(async () => {
    await db.dropDatabase();
    dataPath = mkdtempSync(join(tmpdir(), 'adopted-'));
    dispose = () => rmSync(dataPath, { recursive: true, force: true });
    place = { url: temporary.url, name: temporary.name, dataPath };
    await buildOldInstallation(db, dataPath);
    before = dumpTree(dataPath, { times: false });
    report = await runAdoption(place);
  });
  afterAll(() => dispose());

  const state = async (jobId: string) =>
    ((await one('jobs', jobId)) as never as { status: { state: string }[] }).status.at(-1);

  test.each(['jobagain', 'jobhalf0', 'jobsmp00', 'jobapple', 'jobwork0'])(
    'the job %s waits to be done from the begin',
    async (jobId) => {
      const job = await one('jobs', jobId);
      expect(job).toMatchObject({
        created_at: expect.any(Date),
        status: [{ state: 'waiting', stage: null, progress: 0 }],
      });
    },
  );

  test.each([
    ['joblost0', 'index'],
    ['jobsmp01', 'uploads'],
    ['jobrepl0', 'replacement'],
    ['jobodd00', 'kind'],
    ['jobmute0', 'does not say'],
  ])('the job %s has failed, and says why', async (jobId, reason) => {
    const last = await state(jobId);
    expect(last).toMatchObject({ state: 'error', error: { type: 'Unfinished', class: 'worker_lost' } });
    expect(JSON.stringify(last)).toContain(reason);
  });

  test('a job whose product was ready is complete, one of this server stays as it is', async () => {
    expect(await state('jobsmp02')).toMatchObject({ state: 'complete', stage: 'clean_watch', progress: 1 });
    expect(await one('jobs', 'jobours0')).toMatchObject({ status: [{ state: 'waiting' }] });
  });

  test('jobs that begin again have their uploads, the others have given them back', async () => {
    expect(await one('files', 'bbbbbbbb-b.fq')).toMatchObject({ reserved: true, reserved_by: 'jobsmp00' });
    expect(await one('files', 'ffffffff-host.fa')).toMatchObject({ reserved: true, reserved_by: 'jobapple' });
    expect(await one('files', 'dddddddd-d.fq')).toMatchObject({ reserved: false });
  });

  test('what was made by halves is gone, and its files lie aside', async () => {
    for (const [collection, id] of [
      ['samples', 'smplost0'],
      ['samples', 'smpstuck'],
      ['analyses', 'analost0'],
      ['analyses', 'anastuck'],
      ['indexes', 'idxhalf0'],
      ['subtraction', 'Pear'],
      ['caches', 'cachalf0'],
    ] as const) {
      expect(await one(collection, id)).toBeNull();
    }
    for (const path of [
      'samples/smplost0/reads_1.fq.gz',
      'samples/smpdone0/analysis/analost0/to_isolates.vta',
      'samples/smpdone0/analysis/anastuck/to_isolates.vta',
      'references/refhalf0/idxhalf0/ref.fa',
      'subtractions/pear/pear.fa',
      'caches/cachalf0/reads-trimmed.fastq.gz',
      'files/gggggggg-cut.fq',
      'files/zzzzzzzz-nobody.fq',
      'samples/smpgone0/reads_1.fq.gz',
      'logs/jobs/jobgone0',
    ]) {
      expect([path, existsSync(join(dataPath, path)), existsSync(aside(path))]).toEqual([path, false, true]);
    }
  });

  test('no file is lost: each is where it was, or aside with the same content', () => {
    const now = new Set(dumpTree(dataPath, { times: false }));
    const lost = before
      .filter((line) => !line.endsWith(' folder'))
      .filter((line) => !now.has(line) && !now.has(`${join('adopted', '2026-01-02')}/${line}`));
    // What a replacement of reads had written beside the reads is made again from its upload.
    expect(lost.map((line) => line.split(' ')[0])).toEqual(['samples/smpold00/reads_1.fq.gz']);
    expect(readFileSync(join(dataPath, 'files/eeeeeeee-e.fq'), 'utf8')).toContain('@read0');
  });

  test('changes of builds that are gone wait for the next build, but not those of removed references', async () => {
    const unbuilt = { id: 'unbuilt', version: 'unbuilt' };
    expect(await one('history', 'otuhalf0.0')).toMatchObject({ index: unbuilt });
    expect(await one('history', 'otulost0.0')).toMatchObject({ index: unbuilt });
    expect(await one('history', 'otuover0.0')).toMatchObject({ index: { id: 'idxover0' } });
    expect(await one('history', 'otuwork0.0')).toMatchObject({ index: { id: 'idxwork0' } });
  });

  test('analyses name the job that is about them', async () => {
    expect(await one('analyses', 'anafile0')).toMatchObject({ job: { id: 'jobfile0' }, ready: true });
    expect(await one('analyses', 'anaagain')).toMatchObject({ job: { id: 'jobagain' }, ready: false });
    expect(await one('analyses', 'anahalf0')).toMatchObject({ job: { id: 'jobhalf0' }, ready: false });
  });

  test('processes have ended, but for the removal of a reference, which goes on', async () => {
    expect(await one('processes', 'procrem1')).toMatchObject({ complete: true });
    expect(await one('processes', 'procdel1')).toMatchObject({ complete: false, done: 0 });
    for (const id of ['procimp1', 'procupd1', 'hmmproc1', 'procsoft']) {
      expect(await one('processes', id)).toMatchObject({ errors: [{ id: 'unfinished' }] });
    }
    expect(await one('status', 'hmm')).toMatchObject({ process: null });
    expect(await one('references', 'refremot')).toMatchObject({ updating: false });
    expect(await one('references', 'refwork0')).not.toBeNull();
  });

  test('the report has the first ids and all counts', () => {
    const jobs = report.rules.find(({ rule }) => rule === 'unfinished_jobs');
    expect(jobs).toMatchObject({ found: 11, repaired: 11, left: 0 });
    expect(jobs?.ids).toHaveLength(5);
  });
});
