import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { runCommand } from '../../machine/commands.js';
import { answersConnect, freePort, requireFreePort } from '../../machine/ports.js';
import type { ProcessSpec } from '../../processes/process.js';
import { surviveFirstStart } from '../new_store.js';
import { findTemporal } from './programs.js';

/** How to run the embedded Temporal server. */
export type TemporalPlan = {
  version: string;
  source: string;
  address: string;
  uiUrl?: string;
  spec: ProcessSpec;
};

const READY_LIMIT_MS = 30_000;
const STOP_LIMIT_MS = 10_000;
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
  // Twenty tasks a second by default, of which one job takes a dozen.
  'history.transferProcessorMaxPollRPS=1000',
  'history.timerProcessorMaxPollRPS=1000',
  'history.visibilityProcessorMaxPollRPS=1000',
];

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
  // The file's tables are made for the version that creates it.
  const file = options.durable ? join(folder, `dev-${program.version}.db`) : undefined;
  const spec: ProcessSpec = {
    name: 'temporal',
    command: program.path,
    args: serverArgs(file, port, uiPort),
    cwd: folder,
    // Go gives memory back earlier, for a little more work.
    env: { GOGC: '50', ...process.env },
    ready: () => isServing(program.path, port),
    readyLimitMs: READY_LIMIT_MS,
    // In memory there is nothing to close, and its orderly end takes more than a second.
    stopLimitMs: options.durable ? STOP_LIMIT_MS : 0,
  };
  return {
    version: `${program.version} (server ${program.serverVersion})`,
    source: program.source,
    address,
    ...(uiPort === undefined ? {} : { uiUrl: `http://127.0.0.1:${uiPort}` }),
    spec: file === undefined ? spec : surviveFirstStart(spec, { file }),
  };
}

async function chooseUiPort(asked: number | undefined): Promise<number> {
  if (asked === undefined || asked === 0) return freePort();
  await requireFreePort('127.0.0.1', asked, '--temporal-ui-port');
  return asked;
}

function serverArgs(file: string | undefined, port: number, uiPort: number | undefined): string[] {
  const storage = (name: string) => [
    ...['--db-filename', name],
    ...['--sqlite-pragma', 'journal_mode=wal', '--sqlite-pragma', 'synchronous=1'],
  ];
  return [
    ...['server', 'start-dev', '--ip', '127.0.0.1', '--port', String(port)],
    ...(uiPort === undefined ? ['--headless'] : ['--ui-port', String(uiPort)]),
    ...(file === undefined ? [] : storage(file)),
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
