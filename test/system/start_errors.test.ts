import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { availableParallelism } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, inject, onTestFinished, test } from 'vitest';
import { checkoutCache } from '../../src/local/install/cache.js';
import { NO_MOUNT, smallDisk } from '../support/small_disk.js';
import { createHome, type Ended, type Home, runCommand, runServer, startServer } from './support.js';

const LIMIT = { timeout: 90_000 };

function testHome(): Home {
  const home = createHome();
  onTestFinished(() => home.dispose());
  return home;
}

/** The server has ended with 1, a message and nothing else on stderr, and no process is left. */
function expectRefusal(home: Home, { code, stderr, stdout }: Ended, ...says: RegExp[]): void {
  expect(code).toBe(1);
  for (const part of says) expect(stderr).toMatch(part);
  // A stack trace is for those who wrote the program.
  expect(stderr).not.toMatch(/^\s+at .*:\d+:\d+/m);
  expect(stdout).not.toContain('Virtool is ready');
  expect(home.processes()).toEqual([]);
}

/** What a start leaves in the data directory when it ends before anything ran. */
const content = (home: Home) => (existsSync(home.dataPath) ? readdirSync(home.dataPath) : []);

test('a port that is taken is named, with the ways out', LIMIT, async () => {
  const home = testHome();
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void other.close());
  const address = other.address();
  const port = typeof address === 'object' ? address?.port : 0;
  const ended = await runServer(home, [`--port=${port}`]);
  expectRefusal(home, ended, new RegExp(`Port ${port} on localhost is taken`), /another port with --port/);
  expect(content(home)).toEqual([]);
});

// What a supervisor, or systemd, need not start again.
test('a part of the server tells by its exit code what does not pass by itself', LIMIT, async () => {
  const home = testHome();
  const servers = [`--db=${inject('mongoUrl')}`, `--temporal-address=${inject('temporalAddress')}`];
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void other.close());
  const address = other.address();
  const port = typeof address === 'object' ? address?.port : 0;
  const named = [...servers, '--db-name=exit_codes', `--port=${port}`];
  expect(await runCommand(home, ['api'], named)).toMatchObject({ code: 78, stderr: expect.stringMatching(/is taken/) });
  expect(await runCommand(home, ['worker', 'tools'], ['--temporal-address=localhost:1'])).toMatchObject({
    code: 78,
    stderr: expect.stringMatching(/^--db is needed here/),
  });
});

test('an unknown option is named, and nothing is made', LIMIT, async () => {
  const home = testHome();
  expectRefusal(home, await runServer(home, ['--nonsense']), /^Unknown option '--nonsense'\. .* virtool help\n$/);
  expect(existsSync(home.dataPath)).toBe(false);
});

test('a large job that the host cannot hold is refused with what it can', LIMIT, async () => {
  const home = testHome();
  const cores = availableParallelism();
  const tooMany = `--lg-proc=${cores + 1}`;
  const ended = await runServer(home, ['--port=0', tooMany]);
  expectRefusal(
    home,
    ended,
    new RegExp(`^--lg-proc is ${cores + 1}, which is above --proc .* Give at most \\d+\\.\n$`),
  );
  const raised = await runServer(home, ['--port=0', `--proc=${cores + 1}`, tooMany]);
  expectRefusal(home, raised, new RegExp(`^--proc is ${cores + 1}, but this host has ${cores} cores\\.`));
  expect(existsSync(home.dataPath)).toBe(false);
});

test('a file where the data directory should be is named', LIMIT, async () => {
  const home = testHome();
  writeFileSync(home.dataPath, 'a file');
  const ended = await runServer(home, ['--port=0']);
  expectRefusal(home, ended, new RegExp(`${home.dataPath} is a file`), /another directory with --data-path/);
});

test('a data directory that cannot be written is named', LIMIT, async (context) => {
  const home = testHome();
  using disk = smallDisk(join(home.folder, 'disk'), '2g', 'ro');
  if (!disk) return context.skip(NO_MOUNT);
  const dataPath = join(home.folder, 'disk', 'data');
  const ended = await runServer(home, ['--port=0', `--data-path=${dataPath}`]);
  expectRefusal(home, ended, new RegExp(`${dataPath} cannot be written by this user`), /--data-path/);
});

test('a disk that is full is named before anything runs on it', LIMIT, async (context) => {
  const home = testHome();
  using disk = smallDisk(join(home.folder, 'disk'), '40m');
  if (!disk) return context.skip(NO_MOUNT);
  const dataPath = join(home.folder, 'disk', 'data');
  const ended = await runServer(home, ['--port=0', `--data-path=${dataPath}`]);
  expectRefusal(home, ended, new RegExp(`Disk: 0\\.0 GiB free for ${dataPath}`), /Free some space: at least 1 GiB/);
  expect(existsSync(dataPath) ? readdirSync(dataPath) : []).toEqual([]);
});

test('words that a full disk does not take end no process', LIMIT, (context) => {
  if (!existsSync('/dev/full')) return context.skip('there is no /dev/full');
  const main = fileURLToPath(new URL('../../dist/main.js', import.meta.url));
  const output = openSync('/dev/full', 'w');
  onTestFinished(() => closeSync(output));
  const { status, stderr } = spawnSync(process.execPath, [main, 'help'], { stdio: ['ignore', output, 'pipe'] });
  expect({ status, stderr: stderr.toString() }).toEqual({ status: 0, stderr: '' });
});

/** All programs of PATH but some, and a cache of its own, as what is known about tools is kept there. */
function machineWithout(home: Home, names: readonly string[]): { PATH: string; VT_CACHE_PATH: string } {
  const programs = join(home.folder, 'bin');
  mkdirSync(programs);
  for (const folder of (process.env.PATH ?? '').split(delimiter).filter((path) => existsSync(path))) {
    for (const name of readdirSync(folder)) {
      const target = join(programs, name);
      if (!names.includes(name) && !existsSync(target) && isProgram(join(folder, name)))
        symlinkSync(join(folder, name), target);
    }
  }
  const cache = join(home.folder, 'cache');
  mkdirSync(cache);
  for (const name of readdirSync(checkoutCache())) {
    if (name !== 'tools.json') symlinkSync(join(checkoutCache(), name), join(cache, name));
  }
  return { PATH: programs, VT_CACHE_PATH: cache };
}

function isProgram(path: string): boolean {
  const stat = statSync(path, { throwIfNoEntry: false });
  return stat?.isFile() === true && (stat.mode & 0o111) !== 0;
}

const BY_HAND = /apt-get install -y skewer\n.*conda install .* skewer\n/s;

test(
  'a tool that is missing is named with the ways to get it, and once it is there the same data starts',
  LIMIT,
  async () => {
    const home = testHome();
    const environment = machineWithout(home, ['skewer', 'apt-get', 'sudo']);
    const ended = await runServer(home, ['--port=0'], environment);
    expectRefusal(home, ended, /skewer: missing\. skewer is not on PATH/, /there is no apt-get here/, BY_HAND);
    expect(ended.stderr.match(/: (missing|wrong version|failed)\./g)).toEqual([': missing.']);
    const server = await startServer(home);
    expect((await fetch(new URL('/health/ready', server.url))).status).toBe(200);
    expect((await server.stop()).code).toBe(0);
    expect(home.processes()).toEqual([]);
  },
);

test('a tool of the wrong version is named with its version, its place and the one that is needed', LIMIT, async () => {
  const home = testHome();
  const environment = machineWithout(home, ['skewer', 'apt-get', 'sudo']);
  const skewer = join(environment.PATH, 'skewer');
  writeFileSync(skewer, '#!/bin/sh\necho "skewer version: 0.1.99"\n');
  chmodSync(skewer, 0o755);
  const ended = await runServer(home, ['--port=0'], environment);
  expectRefusal(
    home,
    ended,
    new RegExp(`skewer 0\\.1\\.99 \\(${skewer}\\): wrong version\\. 0\\.2\\.2 or newer`),
    BY_HAND,
  );
});
