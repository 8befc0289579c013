import { spawn } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { isAlive, processStart, waitGone } from '../../../src/local/machine/proc_table.js';
import { LogFile } from '../../../src/local/processes/log_file.js';
import {
  endLeftovers,
  type OwnedProcess,
  type ProcessSpec,
  startProcess,
} from '../../../src/local/processes/process.js';
import { testFolder } from '../../support/folders.js';
import { NO_MOUNT, smallDisk } from '../../support/small_disk.js';
import { waitFor } from '../../support/wait.js';

/** Starts a shell script as an owned process that is ready when it has said "ready". */
async function startScript(script: string, overrides: Partial<ProcessSpec> = {}) {
  const dataPath = testFolder();
  const spec: ProcessSpec = {
    name: 'script',
    command: '/bin/sh',
    args: ['-c', script],
    cwd: dataPath,
    ready: (output) => output.includes('ready'),
    readyLimitMs: 10_000,
    stopLimitMs: 10_000,
    ...overrides,
  };
  const owned = await startProcess(spec, { dataPath, onFault: (error) => expect.unreachable(String(error)) });
  onTestFinished(() => owned.kill());
  return { owned, dataPath };
}

function identity(pid: number) {
  return { pid, start: processStart(pid) ?? 'gone' };
}

function pidIn(owned: OwnedProcess, name: string) {
  return identity(Number(new RegExp(`${name}=(\\d+)`).exec(owned.tail(10))?.[1]));
}

test('stop ends a process in order, and everything it had started', async () => {
  const { owned, dataPath } = await startScript('sleep 300 & echo child=$!; trap "exit 7" TERM; echo ready; wait');
  const child = pidIn(owned, 'child');
  expect(isAlive(child)).toBe(true);
  expect(await owned.stop()).toEqual({ code: 7, signal: null });
  expect(await waitGone(child, 5_000)).toBe(true);
  expect(readFileSync(join(dataPath, 'logs', 'script.log'), 'utf8')).toContain('ready');
});

test('a process that ignores SIGTERM is killed after the limit', async () => {
  const { owned } = await startScript('trap "" TERM; echo ready; while :; do sleep 0.1; done', { stopLimitMs: 200 });
  expect(await owned.stop()).toEqual({ code: null, signal: 'SIGKILL' });
});

test('a process that ends while starting is reported with its last words', async () => {
  await expect(startScript('echo "cannot open the data file" >&2; exit 3')).rejects.toThrow(
    'script ended with code 3 while starting: cannot open the data file',
  );
});

test('a process that never gets ready is ended and reported', async () => {
  const started = startScript('echo pid=$$; sleep 300', { readyLimitMs: 300 });
  await expect(started).rejects.toThrow(/script was not ready after 0.3 s: pid=\d+/);
  const pid = await started.catch((error: Error) => Number(/pid=(\d+)/.exec(error.message)?.[1]));
  expect(isAlive(identity(pid as number))).toBe(false);
});

/** Command lines that hold a text, of all processes. */
function commandsWith(text: string): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        return readFileSync(`/proc/${name}/cmdline`, 'utf8').replaceAll('\0', ' ');
      } catch {
        return [];
      }
    })
    .filter((command) => command.includes(text));
}

test('on a full disk nothing is left of a process that could not be noted', async (context) => {
  const dataPath = testFolder();
  using disk = smallDisk(dataPath, '64k');
  if (!disk) return context.skip(NO_MOUNT);
  mkdirSync(join(dataPath, 'run'));
  disk.fill();
  const seconds = `300.${process.pid}${Date.now()}`;
  const spec: ProcessSpec = {
    ...{ name: 'script', command: '/bin/sh', args: ['-c', `echo ready; exec sleep ${seconds}`], cwd: dataPath },
    ...{ ready: (output) => output.includes('ready'), readyLimitMs: 10_000, stopLimitMs: 10_000 },
  };
  await expect(startProcess(spec, { dataPath, onFault: () => undefined })).rejects.toThrow(/ENOSPC/);
  await waitFor(() => commandsWith(seconds).length === 0, 'the program and its guard to be gone');
});

test('a stranger that keeps the output of a process open does not hold up its end', async () => {
  const { owned } = await startScript('setsid sleep 300 & echo child=$!; sleep 0.2; echo ready; wait');
  const stranger = pidIn(owned, 'child');
  onTestFinished(() => void process.kill(stranger.pid, 'SIGKILL'));
  await owned.stop();
  expect(isAlive(stranger)).toBe(true);
});

test('a readiness that is never told does not hold up the end of a start', async () => {
  let isAsked = false;
  const ready = () => {
    isAsked = true;
    return new Promise<boolean>(() => undefined);
  };
  const unwanted = new AbortController();
  const dataPath = testFolder();
  const spec: ProcessSpec = {
    ...{ name: 'script', command: '/bin/sh', args: ['-c', 'exec sleep 300'], cwd: dataPath, ready },
    ...{ readyLimitMs: 3_600_000, stopLimitMs: 10_000 },
  };
  const home = { dataPath, onFault: (error: unknown) => expect.unreachable(String(error)) };
  const started = startProcess(spec, home, unwanted.signal).catch((error: Error) => error);
  await waitFor(() => isAsked, 'the question');
  unwanted.abort(new Error('not wanted any more'));
  expect(await started).toEqual(new Error('not wanted any more'));
  expect(readdirSync(join(dataPath, 'run'))).toEqual([]);
});

test('what an earlier run left is ended when number and start time match, and only then', async () => {
  const dataPath = testFolder();
  mkdirSync(join(dataPath, 'run'));
  const [left, foreign] = [0, 1].map(() => {
    const child = spawn('sleep', ['300'], { detached: true, stdio: 'ignore' });
    onTestFinished(() => void child.kill('SIGKILL'));
    return identity(child.pid ?? 0);
  }) as [ReturnType<typeof identity>, ReturnType<typeof identity>];
  writeFileSync(join(dataPath, 'run', 'left.json'), JSON.stringify(left));
  writeFileSync(join(dataPath, 'run', 'foreign.json'), JSON.stringify({ ...foreign, start: '1' }));
  writeFileSync(join(dataPath, 'run', 'cut.json'), '{"pid":');

  expect(await endLeftovers(dataPath)).toEqual(['left']);
  expect(isAlive(left)).toBe(false);
  expect(isAlive(foreign)).toBe(true);
  expect(await endLeftovers(dataPath)).toEqual([]);
});

// The supervisor cannot clean up after kill -9; the pipe that the kernel closes does it.
test('a process and its children die with the one that started it', async () => {
  const dataPath = testFolder();
  const module = new URL('../fixtures/owner.ts', import.meta.url).pathname;
  const runner = new URL('../../support/run_ts.mjs', import.meta.url).pathname;
  const owner = spawn(process.execPath, [runner, module, dataPath], { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void owner.kill('SIGKILL'));
  let output = '';
  owner.stdout.on('data', (chunk) => {
    output += chunk;
  });
  const line = await waitFor(() => /^pids (.+)$/m.exec(output)?.[1], 'the owner to start its child');
  const pids = line.split(' ').map((pid) => identity(Number(pid)));
  expect(pids.map(isAlive)).toEqual([true, true]);
  owner.kill('SIGKILL');
  await waitFor(() => !pids.some(isAlive), 'the children to die');
});

test('a log is bounded and the last runs are kept beside it', () => {
  const path = join(testFolder(), 'logs', 'x.log');
  const log = new LogFile(path, (error) => expect.unreachable(String(error)), 10);
  for (const text of ['first\n', 'second\n', 'third\n', 'fourth\n']) log.write(Buffer.from(text));
  log.close();
  new LogFile(path, () => undefined).close();
  expect(['', '.1', '.2'].map((end) => readFileSync(path + end, 'utf8'))).toEqual(['', 'fourth\n', 'third\n']);
});

test('a log that cannot be written says so once and does not stop anybody', () => {
  const faults: unknown[] = [];
  const log = new LogFile(join(testFolder(), 'x.log'), (error) => faults.push(error));
  Object.assign(log, { fd: 99_999 });
  log.write(Buffer.from('a'));
  log.write(Buffer.from('b'));
  expect(faults).toHaveLength(1);
});

test('a log that cannot be made says so once, and is tried again later', () => {
  const path = join(testFolder(), 'logs', 'x.log');
  writeFileSync(dirname(path), 'a file where the folder should be');
  const faults: unknown[] = [];
  const log = new LogFile(path, (error) => faults.push(error));
  log.write(Buffer.from('lost\n'));
  expect(faults).toHaveLength(1);
  rmSync(dirname(path));
  vi.setSystemTime(Date.now() + 60_000);
  onTestFinished(() => void vi.useRealTimers());
  log.write(Buffer.from('kept\n'));
  log.close();
  expect(readFileSync(path, 'utf8')).toBe('kept\n');
});
