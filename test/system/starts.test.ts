import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { NO_MOUNT, smallDisk } from '../support/small_disk.js';
import { waitFor } from '../support/wait.js';
import { createHome, type Home, type RunningServer, startServer } from './support.js';

const LIMIT = { timeout: 180_000 };
const CHILDREN = ['mongodb', 'temporal', 'worker-control', 'worker-tools', 'api'];
const RECOVERY_LIMIT_MS = 60_000;

function testHome(): Home {
  const home = createHome();
  onTestFinished(() => home.dispose());
  return home;
}

/** Kills each child of a home `times` times, as soon as it is seen; gives the process ids. It goes on until the test ends. */
function killEachStart(home: Home, times: number, spared: readonly (number | undefined)[] = []): Map<string, number[]> {
  const killed = new Map<string, number[]>(CHILDREN.map((name) => [name, []]));
  const timer = setInterval(() => {
    for (const [name, pids] of killed) {
      const pid = home.child(name);
      if (pid === undefined || pids.length === times || pids.includes(pid) || spared.includes(pid)) continue;
      process.kill(pid, 'SIGKILL');
      pids.push(pid);
    }
  }, 5);
  onTestFinished(() => clearInterval(timer));
  return killed;
}

const isReady = (server: RunningServer) =>
  fetch(new URL('/health/ready', server.url)).then(
    ({ status }) => status === 200,
    () => false,
  );

test('a server starts although each of its processes is killed twice before it is ready', LIMIT, async () => {
  const home = testHome();
  const killed = killEachStart(home, 2);
  const server = await startServer(home);
  expect([...killed.values()].map((pids) => pids.length)).toEqual(CHILDREN.map(() => 2));
  expect(await isReady(server)).toBe(true);
  expect((await server.stop()).code).toBe(0);
  expect(home.processes()).toEqual([]);
});

test('a process that dies, and again while it is started again, comes back', LIMIT, async () => {
  const home = testHome();
  const server = await startServer(home);
  const first = CHILDREN.map((name) => home.child(name));
  const killed = killEachStart(home, 2, first);
  for (const pid of first) process.kill(pid ?? 0, 'SIGKILL');
  await waitFor(() => [...killed.values()].every((pids) => pids.length === 2), 'all to be killed', RECOVERY_LIMIT_MS);
  await waitFor(() => isReady(server), 'the server to be ready again', RECOVERY_LIMIT_MS);
  expect((await server.stop()).code).toBe(0);
  expect(home.processes()).toEqual([]);
});

test(
  'on a disk that is full failed starts leave no guard behind, and the server ends when it is told',
  LIMIT,
  async (context) => {
    const home = testHome();
    using disk = smallDisk(join(home.folder, 'data'), '2g');
    if (!disk) return context.skip(NO_MOUNT);
    const server = await startServer(home);
    const before = home.processes().filter(isGuard).length;
    for (const name of ['mongodb', 'api']) process.kill(home.child(name) ?? 0, 'SIGKILL');
    const failed = () => {
      // What ends leaves some room each time.
      disk.fill();
      return server.stdout().match(/(mongodb|api) died .*no space left/gi) ?? [];
    };
    await waitFor(() => failed().length >= 6, 'several starts that fail', RECOVERY_LIMIT_MS);
    await waitFor(() => home.processes().filter(isGuard).length <= before, 'no more guards than programs');
    expect(await server.stop('SIGINT')).toMatchObject({ signal: null });
    expect(home.processes()).toEqual([]);
  },
);

function isGuard({ command }: { command: string }): boolean {
  return command.startsWith('/bin/sh -c (read _');
}
