import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { MongoClient } from 'mongodb';
import { expect, onTestFinished, test } from 'vitest';
import type { ProcessEvent } from '../../src/local/index.js';
import { checkoutCache } from '../../src/local/install/cache.js';
import { isAlive, processStart } from '../../src/local/machine/proc_table.js';
import { testFolder } from '../support/folders.js';
import { waitFor } from '../support/wait.js';

const RUNNER = fileURLToPath(new URL('../support/run_ts.mjs', import.meta.url));
const STACK = fileURLToPath(new URL('./fixtures/stack.ts', import.meta.url));
const LIMIT = { timeout: 45_000 };

type Told = { mongoUrl: string; pids: Record<string, number> };

/** A supervisor in a process of its own. */
function launch(dataPath: string, kind = 'obedient', ...stopLimitMs: string[]) {
  const child: ChildProcess = spawn(
    process.execPath,
    [RUNNER, STACK, dataPath, checkoutCache(), kind, ...stopLimitMs],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  onTestFinished(() => void child.kill('SIGKILL'));
  let output = '';
  child.stdout?.on('data', (chunk) => {
    output += chunk;
  });
  const exited = new Promise<number | null>((resolve) => child.once('exit', resolve));
  const said = (word: string) =>
    output
      .split('\n')
      .filter((line) => line.startsWith(`${word} `) && line.endsWith(line.includes('{') ? '}' : '"'))
      .map((line) => JSON.parse(line.slice(word.length + 1)));
  return {
    child,
    exited,
    said,
    events: (): ProcessEvent[] => said('event'),
    started: (): Promise<Told> => waitFor(() => said('stack')[0], 'the stack to start'),
  };
}

function identities({ pids }: Told) {
  return Object.values(pids).map((pid) => ({ pid, start: processStart(pid) ?? 'gone' }));
}

test('a child or a server that dies is started again, and the database keeps its address and data', LIMIT, async () => {
  const supervisor = launch(testFolder());
  const { pids, mongoUrl } = await supervisor.started();
  expect(Object.keys(pids).sort()).toEqual(['first', 'mongodb', 'second', 'temporal']);
  const client = await MongoClient.connect(mongoUrl, { serverSelectionTimeoutMS: 15_000 });
  onTestFinished(() => client.close());
  const things = client.db('kept').collection<{ _id: string }>('things');
  await things.insertOne({ _id: 'before' });

  for (const name of ['second', 'mongodb']) process.kill(pids[name] ?? 0, 'SIGKILL');
  for (const name of ['second', 'mongodb']) {
    const again = await waitFor(
      () => supervisor.events().filter((event) => event.name === name && event.state === 'ready')[1],
      `${name} to come back`,
    );
    expect(again.pid).not.toBe(pids[name]);
    expect(supervisor.events()).toContainEqual(expect.objectContaining({ name, state: 'died', pid: pids[name] }));
  }
  await things.insertOne({ _id: 'after' });
  expect((await things.distinct('_id')).sort()).toEqual(['after', 'before']);
  expect(supervisor.events().filter(({ name }) => name === 'first')).toHaveLength(2);
});

test('a signal ends everything in order and leaves nothing', LIMIT, async () => {
  const dataPath = testFolder();
  const supervisor = launch(dataPath);
  const processes = identities(await supervisor.started());
  expect(processes.every(isAlive)).toBe(true);
  supervisor.child.kill('SIGTERM');
  // npm and a terminal pass signals on once more; that must not turn an orderly end into a hard one.
  supervisor.child.kill('SIGINT');
  expect(await supervisor.exited).toBe(0);
  expect(processes.some(isAlive)).toBe(false);
  const ended = supervisor.events().filter(({ state }) => state === 'stopped');
  expect(ended.map(({ name }) => name)).toEqual(['second', 'first', 'temporal', 'mongodb']);
  expect(readFileSync(join(dataPath, 'logs', 'second.log'), 'utf8')).toContain('bye');
  expect(readdirSync(join(dataPath, 'run'))).toEqual([]);
});

test('a second signal does not wait for a child that hangs', LIMIT, async () => {
  const supervisor = launch(testFolder(), 'stubborn');
  const processes = identities(await supervisor.started());
  let code: number | null | undefined;
  void supervisor.exited.then((value) => {
    code = value;
  });
  let signalled = 0;
  const ended = () => {
    // Not so fast that one meets the process on its way out.
    if (Date.now() - signalled > 500) {
      signalled = Date.now();
      supervisor.child.kill('SIGINT');
    }
    return code !== undefined;
  };
  await waitFor(ended, 'the supervisor to end');
  expect(code).toBe(130);
  await waitFor(() => !processes.some(isAlive), 'everything to be gone');
});

test('a child that hangs is killed with all others when the limit of the end is over', LIMIT, async () => {
  const dataPath = testFolder();
  const supervisor = launch(dataPath, 'stubborn', '500');
  const processes = identities(await supervisor.started());
  supervisor.child.kill('SIGINT');
  expect(await supervisor.exited).toBe(1);
  expect(supervisor.said('error')).toEqual(['Not everything ended within 0.5 s; the rest was killed']);
  expect(processes.some(isAlive)).toBe(false);
  expect(readdirSync(join(dataPath, 'run'))).toEqual([]);
});

test('a child that cannot run ends the first start, also while another one is tried again', LIMIT, async () => {
  const dataPath = testFolder();
  const supervisor = launch(dataPath, 'unusable');
  expect(await supervisor.exited).toBe(1);
  expect(supervisor.said('error')).toEqual(['first ended with code 78 while starting: another version is needed']);
  expect(readdirSync(join(dataPath, 'run'))).toEqual([]);
});

test('after kill -9 of the supervisor nothing runs, and the next start finds the folder free', LIMIT, async () => {
  const dataPath = testFolder();
  const killed = launch(dataPath);
  const processes = identities(await killed.started());
  killed.child.kill('SIGKILL');
  await waitFor(() => !processes.some(isAlive), 'everything to die with its supervisor');
  const next = launch(dataPath);
  await next.started();
  next.child.kill('SIGINT');
  expect(await next.exited).toBe(0);
});

test('a second supervisor on the same data folder is refused, and the first one is not disturbed', LIMIT, async () => {
  const dataPath = testFolder();
  const first = launch(dataPath);
  const processes = identities(await first.started());
  const second = launch(dataPath);
  expect(await second.exited).toBe(1);
  expect(second.said('error')).toEqual([
    expect.stringContaining(`The data directory ${dataPath} is in use by process ${first.child.pid}`),
  ]);
  expect(processes.every(isAlive)).toBe(true);
});
