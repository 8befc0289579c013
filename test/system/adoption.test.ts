import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openDatabase } from '../../src/store/database/database.js';
import { takeLease } from '../../src/store/database/lease.js';
import { buildOldInstallation, OLD } from '../adoption/old_installation.js';
import { dumpDatabase, dumpTree } from '../adoption/site.js';
import { type TestDatabase, testDatabase } from '../support/servers.js';
import { waitFor } from '../support/wait.js';
import type { Body } from './client.js';
import { createHome, type Home, runCommand, startServer } from './support.js';

const LIMIT = { timeout: 240_000 };
const LIMITS = ['--proc=2', '--mem=4', '--lg-proc=2', '--lg-mem=4', '--sm-proc=2', '--sm-mem=4'];

let home: Home;
let temporary: TestDatabase;
beforeEach(async () => {
  home = createHome();
  temporary = await testDatabase();
  await buildOldInstallation(temporary.db, home.dataPath);
});
afterEach(async () => {
  await home.dispose();
  await temporary.dispose();
});

const options = () => [`--db=${temporary.url}`, `--db-name=${temporary.name}`];
const run = (...more: string[]) => runCommand(home, ['adopt'], [...options(), ...more]);

test('a dry run as a process writes nothing, and tells all as a table', LIMIT, async () => {
  const before = [await dumpDatabase(temporary.db), dumpTree(home.dataPath, { times: true })];
  const { code, stdout, stderr } = await run('--dry-run');
  expect([code, stderr]).toEqual([0, '']);
  expect(stdout).toMatch(/What +Found +Repaired +Left +First ids/);
  expect(stdout).toMatch(/Jobs that nobody works on +11 +0 +11 +jobagain, /);
  expect(stdout).toContain('Nothing was written. Without --dry-run');
  expect([await dumpDatabase(temporary.db), dumpTree(home.dataPath, { times: true })]).toEqual(before);
});

test('what cannot be adopted is refused, with what to do', LIMIT, async () => {
  const other = await runCommand(home, ['adopt'], [`--db=${temporary.url}`, `--db-name=${temporary.name}_not`]);
  expect(other).toMatchObject({ code: 1, stderr: expect.stringContaining('is not one of Virtool, or it is empty') });
  expect(await runCommand(home, ['adopt'], [])).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('--db is needed'),
  });
  expect(await run('--dry-run=no')).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('--dry-run takes no value'),
  });
});

test('it is refused while a control worker of another host works with the database', LIMIT, async () => {
  const database = await openDatabase({ url: temporary.url, name: temporary.name });
  const holder = { id: 'x', machine: 'elsewhere', host: 'elsewhere', pid: 7 };
  const taken = await takeLease(database, 'control_worker', holder, new AbortController().signal);
  const before = dumpTree(join(home.dataPath, 'files'), { times: true });
  for (const more of [['--dry-run'], []]) {
    const { code, stderr } = await run(...more);
    expect([code, stderr]).toEqual([
      1,
      expect.stringContaining('Process 7 on elsewhere is the control worker of this database'),
    ]);
  }
  expect(dumpTree(join(home.dataPath, 'files'), { times: true })).toEqual(before);
  expect(await temporary.db.collection('audit').countDocuments()).toBe(0);
  if ('lease' in taken) await taken.lease.release();
  await database.close();
});

test('an adopted installation serves what release 3.7.3 had, and does its jobs', LIMIT, async () => {
  const adopted = await run('--json');
  expect([adopted.code, adopted.stderr]).toEqual([0, '']);
  const report = JSON.parse(adopted.stdout);
  expect(report).toMatchObject({ dry_run: false, documents: { samples: { before: 7, after: 5 } } });
  expect(existsSync(join(home.dataPath, report.set_aside, 'files', 'zzzzzzzz-nobody.fq'))).toBe(true);

  const server = await startServer(home, [...LIMITS, ...options()]);
  for (const dry of [['--dry-run'], []]) {
    const refused = await run(...dry);
    expect(refused).toMatchObject({ code: 1, stderr: expect.stringMatching(/in use by process \d+/) });
  }

  const get = (path: string, headers: Record<string, string>): Promise<Body> =>
    fetch(new URL(path, server.url), { headers }).then(async (answer) => {
      expect([path, answer.status]).toEqual([path, 200]);
      return answer.json();
    });
  const basic = (name: string, secret: string) => ({ Authorization: `Basic ${btoa(`${name}:${secret}`)}` });
  const old = { Cookie: `session_id=${OLD.session.id}; session_token=${OLD.session.token}` };
  const signIn = async ({ user_id: username, password }: typeof OLD.admin) => {
    const init = { method: 'POST', body: JSON.stringify({ username, password, remember: false }) };
    return (await fetch(new URL('/api/account/login', server.url), init)).status;
  };
  expect([await signIn(OLD.admin), await signIn(OLD.legacy)]).toEqual([201, 201]);
  expect(await signIn({ ...OLD.legacy, password: 'wrong' })).toBe(400);
  expect((await get('/api/samples', basic('alice', OLD.key))).total_count).toBe(5);
  expect(await get('/api/account', old)).toMatchObject({ id: 'alice' });

  const samples = await get('/api/samples', old);
  expect(samples.documents.map(({ id }: Body) => id).sort()).toEqual([
    'smpagain',
    'smpbare0',
    'smpdone0',
    'smplate0',
    'smpold00',
  ]);
  expect(await get('/api/samples/smpdone0', old)).toMatchObject({
    quality: { count: 40 },
    caches: [{ id: 'cacgood0' }],
  });
  expect(await get('/api/refs/refbuilt', old)).toMatchObject({
    name: 'Built',
    otu_count: 1,
    latest_build: { id: 'idxbuilt' },
  });
  expect(await get('/api/refs/refhalf0', old)).toMatchObject({ unbuilt_change_count: 2 });
  expect(await get('/api/analyses/anadone0', old)).toMatchObject({ ready: true, results: [] });
  // It lay in pathoscope.json, in the form of old releases.
  expect(await get('/api/analyses/anafile0', old)).toMatchObject({
    ...{ ready: true, read_count: 2, job: { id: 'jobfile0' } },
    results: [{ id: 'otubuilt', isolates: [{ sequences: [{ id: 'seqbuilt', pi: 1 }] }] }],
  });
  expect((await get('/api/audit?action=adoption', old)).documents).toMatchObject([
    { outcome: 'done' },
    { outcome: 'asked' },
  ]);

  for (const jobId of ['jobsmp00', 'jobapple', 'jobwork0']) {
    const last = await waitFor(
      async () => {
        const { status } = await get(`/api/jobs/${jobId}`, old);
        return ['waiting', 'running'].includes(status.at(-1).state) ? undefined : status.at(-1);
      },
      `${jobId} to end`,
      150_000,
    );
    expect(last).toMatchObject({ state: 'complete', error: null });
  }
  expect(await get('/api/samples/smpagain', old)).toMatchObject({ imported: false, quality: { count: 40 } });
  expect(await get('/api/subtractions/Apple', old)).toMatchObject({ ready: true });
  expect(await get('/api/refs/refwork0', old)).toMatchObject({ latest_build: { id: 'idxwork0' } });
  await server.stop();
});
