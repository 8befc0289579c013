import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { keepRunning, type ProcessEvent } from '../../../src/local/processes/keeper.js';
import type { Liveness, ProcessSpec } from '../../../src/local/processes/process.js';
import { testFolder } from '../../support/folders.js';
import { waitFor } from '../../support/wait.js';

/** Keeps a script running that does nothing but stay. */
async function keepScript(alive: Liveness, isReadyOnce = false) {
  const dataPath = testFolder();
  const events: ProcessEvent[] = [];
  const spec = {
    ...{ name: 'script', command: '/bin/sh', cwd: dataPath, alive },
    args: ['-c', `${isReadyOnce ? 'mkdir once && ' : ''}echo ready; exec sleep 300`],
    ...{ ready: (output: string) => output.includes('ready'), readyLimitMs: 10_000, stopLimitMs: 10_000 },
  };
  const home = { dataPath, onFault: (error: unknown) => expect.unreachable(String(error)) };
  const keeper = await keepRunning(spec, home, { onEvent: (event) => void events.push(event) });
  onTestFinished(() => keeper.stop());
  return { keeper, states: () => events.map(({ state }) => state), run: join(dataPath, 'run') };
}

test('a process that no longer does its work is ended and started again', async () => {
  let answers = [true, false, true, false, false];
  const { keeper, states } = await keepScript({
    ask: async () => answers.shift() ?? true,
    everyMs: 20,
    misses: 2,
  });
  const first = keeper.pid();
  await waitFor(() => states().filter((state) => state === 'ready').length === 2, 'the process to be started again');
  expect(keeper.pid()).not.toBe(first);
  expect(states()).toEqual(['starting', 'ready', 'died', 'starting', 'ready']);
  // Single misses are forgiven.
  answers = [false, true, false, true];
  await waitFor(() => answers.length === 0, 'the process to be asked');
  expect(states()).toHaveLength(5);
});

test('the end does not wait for the next question', async () => {
  const { keeper, states } = await keepScript({ ask: async () => true, everyMs: 3_600_000, misses: 1 });
  await keeper.stop();
  expect(states()).toEqual(['starting', 'ready', 'stopped']);
});

test('a question without an answer holds up no end', async () => {
  let asked = false;
  const ask = () => {
    asked = true;
    return new Promise<boolean>(() => undefined);
  };
  const { keeper, states } = await keepScript({ ask, everyMs: 10, misses: 1 });
  await waitFor(() => asked, 'the process to be asked');
  await keeper.stop();
  expect(states()).toEqual(['starting', 'ready', 'stopped']);
});

describe('the first start', () => {
  /** Keeps a script running that finds the number of its start in `$n`; gives the keeper, or what it threw, and its events. */
  function keepFirst(script: string, overrides: Partial<ProcessSpec> = {}, firstStart?: AbortSignal) {
    const dataPath = testFolder();
    const events: ProcessEvent[] = [];
    const spec: ProcessSpec = {
      ...{ name: 'script', command: '/bin/sh', cwd: dataPath, readyLimitMs: 10_000, stopLimitMs: 10_000 },
      args: ['-c', `echo >> starts; n=$(wc -l < starts); ${script}`],
      ready: (output) => output.includes('ready'),
      ...overrides,
    };
    const home = { dataPath, onFault: (error: unknown) => expect.unreachable(String(error)) };
    const kept = keepRunning(spec, home, { onEvent: (event) => void events.push(event) }, firstStart);
    onTestFinished(() =>
      kept.then(
        (keeper) => keeper.stop(),
        () => undefined,
      ),
    );
    const isGone = () => readdirSync(join(dataPath, 'run')).length === 0;
    return { kept, events, states: () => events.map(({ state }) => state), isGone };
  }

  test('is tried again when something kills the process before it is ready', async () => {
    const { kept, events, states } = keepFirst('[ $n -lt 4 ] && kill -9 $$; echo ready; exec sleep 300');
    await kept;
    const thrice = ['starting', 'died', 'starting', 'died', 'starting', 'died'];
    expect(states()).toEqual([...thrice, 'starting', 'ready']);
    expect(events[1]?.detail).toContain('script ended with SIGKILL while starting');
  });

  test('is tried again when the process fails by itself', async () => {
    const { kept, states } = keepFirst(
      '[ $n -lt 2 ] && echo "No space left on device" && exit 1; echo ready; exec sleep 300',
    );
    await kept;
    expect(states()).toEqual(['starting', 'died', 'starting', 'ready']);
  });

  test('that was late gets more time', async () => {
    const limits = { readyLimitMs: 400, stopLimitMs: 0 };
    const { kept, events, states } = keepFirst('sleep 1; echo ready; exec sleep 300', limits);
    await kept;
    expect(states().filter((state) => state === 'died').length).toBeGreaterThan(0);
    expect(events[1]?.detail).toContain('script was not ready after 0.4 s');
  });

  test.each([
    ['a port that is taken', 'echo "failed to bind: Address already in use (os error 98)" >&2; exit 1'],
    ['missing rights', 'echo "open storage: Permission denied" >&2; exit 1'],
    ['its exit code', 'echo "another version" >&2; exit 78'],
    ['a program that is not there', 'exec /nowhere/program'],
  ])('is given up because of %s', async (_, script) => {
    const { kept, states, isGone } = keepFirst(script);
    await expect(kept).rejects.toThrow(/^script ended with code \d+ while starting: /);
    expect(states()).toEqual(['starting']);
    expect(isGone()).toBe(true);
  });

  test('is given up when it is no longer wanted', async () => {
    const unwanted = new AbortController();
    const { kept, states, isGone } = keepFirst('exit 1', {}, unwanted.signal);
    await waitFor(() => states().filter((state) => state === 'died').length === 2, 'two tries');
    unwanted.abort(new Error('something else failed'));
    await expect(kept).rejects.toThrow('something else failed');
    expect(isGone()).toBe(true);
  });
});

test('an end while the process is started again leaves nothing', async () => {
  const { keeper, states, run } = await keepScript({ ask: async () => true, everyMs: 3_600_000, misses: 1 }, true);
  process.kill(keeper.pid() ?? 0, 'SIGKILL');
  await waitFor(() => states().filter((state) => state === 'starting').length === 2, 'the second start');
  await keeper.stop();
  expect(states()).toEqual(['starting', 'ready', 'died', 'starting', 'stopped']);
  expect(readdirSync(run)).toEqual([]);
});
