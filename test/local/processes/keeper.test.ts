import { expect, onTestFinished, test } from 'vitest';
import { keepRunning, type ProcessEvent } from '../../../src/local/processes/keeper.js';
import type { Liveness } from '../../../src/local/processes/process.js';
import { testFolder } from '../../support/folders.js';
import { waitFor } from '../../support/wait.js';

/** Keeps a script running that does nothing but stay. */
async function keepScript(alive: Liveness) {
  const dataPath = testFolder();
  const events: ProcessEvent[] = [];
  const spec = {
    ...{ name: 'script', command: '/bin/sh', args: ['-c', 'echo ready; exec sleep 300'], cwd: dataPath, alive },
    ...{ ready: (output: string) => output.includes('ready'), readyLimitMs: 10_000, stopLimitMs: 10_000 },
  };
  const home = { dataPath, onFault: (error: unknown) => expect.unreachable(String(error)) };
  const keeper = await keepRunning(spec, home, { onEvent: (event) => void events.push(event) });
  onTestFinished(() => keeper.stop());
  return { keeper, states: () => events.map(({ state }) => state) };
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
