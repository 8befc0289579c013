import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pino } from 'pino';
import { expect, inject, onTestFinished, test } from 'vitest';
import { startServers } from '../../../src/local/index.js';
import { holdsData, surviveFirstStart } from '../../../src/local/servers/new_store.js';
import { testFolder } from '../../support/folders.js';

/** Starts one of the servers and kills it as soon as its folder holds so many files; the other one is that of the run. */
async function killAt(name: 'mongodb' | 'temporal', files: number): Promise<{ started: number; left: string[] }> {
  const dataPath = testFolder();
  const given = name === 'mongodb' ? { temporalAddress: inject('temporalAddress') } : { mongoUrl: inject('mongoUrl') };
  let started = 0;
  const servers = await startServers({
    dataPath,
    ...given,
    logger: pino({ level: 'silent' }),
    onEvent(event) {
      if (event.name !== name || event.state !== 'starting') return;
      started += 1;
      if (started === 1) void killWhen(dataPath, name, files);
    },
  });
  onTestFinished(servers.stop);
  return { started, left: filesBelow(join(dataPath, name)).filter((file) => file.endsWith('.new')) };
}

async function killWhen(dataPath: string, name: string, files: number): Promise<void> {
  while (filesBelow(join(dataPath, name)).length < files) await new Promise(setImmediate);
  const { pid } = JSON.parse(readFileSync(join(dataPath, 'run', `${name}.json`), 'utf8')) as { pid: number };
  process.kill(-pid, 'SIGKILL');
}

function filesBelow(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => entry.name);
}

test.each([
  ['mongodb', 4],
  ['mongodb', 9],
  ['mongodb', 14],
  ['mongodb', 18],
  ['temporal', 2],
  ['temporal', 3],
  ['temporal', 4],
] as const)(
  '%s starts again after a kill amid its first start, with %i files made',
  { timeout: 60_000 },
  async (name, files) => {
    expect(await killAt(name, files)).toEqual({ started: 2, left: [] });
  },
);

test('files of an unfinished first start are removed, those of a database that has answered never', async () => {
  const file = join(testFolder(), 'data', 'server.db');
  let answers = false;
  const spec = surviveFirstStart(
    { name: 'x', command: 'x', args: [], cwd: '/', ready: () => answers, readyLimitMs: 1, stopLimitMs: 1 },
    { file },
  );
  const start = () => {
    spec.prepare?.();
    const found = ['', '-wal', '-shm'].filter((end) => existsSync(file + end));
    for (const end of ['', '-wal', '-shm']) writeFileSync(file + end, 'x');
    return found;
  };
  expect([start(), await spec.ready(''), start()]).toEqual([[], false, []]);
  expect(holdsData({ file })).toBe(false);
  answers = true;
  expect([await spec.ready(''), holdsData({ file })]).toEqual([true, true]);
  answers = false;
  expect([start(), await spec.ready(''), start()]).toEqual([['', '-wal', '-shm'], false, ['', '-wal', '-shm']]);
});

test('a database of an earlier release, which left no sign of its first start, is kept', () => {
  const folder = join(testFolder(), 'store');
  mkdirSync(folder);
  writeFileSync(join(folder, 'WiredTiger'), '');
  const spec = { name: 'x', command: 'x', args: [], cwd: '/', ready: () => false, readyLimitMs: 1, stopLimitMs: 1 };
  surviveFirstStart(spec, { folder }).prepare?.();
  expect(readdirSync(folder)).toEqual(['WiredTiger']);
});
