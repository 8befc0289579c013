import { fileURLToPath } from 'node:url';
import { type Config, configToChild } from '../config.js';
import {
  type ChildSpec,
  type DoctorRow,
  freePort,
  LocalError,
  plainLogger,
  readyWhenSaid,
  runDoctor,
  type Servers,
  type Stack,
  startStack,
  stopOnSignal,
} from '../local/index.js';
import type { Logger } from '../log.js';
import { READY } from './shared.js';

const MAIN = fileURLToPath(new URL('../main.js', import.meta.url));
const LISTENING = /"listening":"(http:[^"]+)"/;

/** The whole server while it runs. */
export type RunningServer = { stack: Stack; url: string };

/**
 * Checks the machine, installs servers and tools that are missing, and starts everything for a data directory: embedded servers where none
 * are given, workers, API.
 *
 * @throws LocalError with what is wrong and what to do, nothing left running.
 */
export async function startServer(given: Config, log: Logger): Promise<RunningServer> {
  // Fixed now, so that an API that is started again listens where it did.
  const config = given.port === 0 ? { ...given, port: await freePort() } : given;
  await checkMachine(config, log);
  let url = '';
  const stack = await startStack({
    dataPath: config.data_path,
    mongoUrl: config.db,
    temporalAddress: config.temporal_address,
    ports: { temporalUi: config.temporal_ui_port },
    ui: true,
    logger: log,
    children: (servers) =>
      childrenOf(config, servers, (address) => {
        url = address;
      }),
  });
  return { stack, url };
}

async function checkMachine(config: Config, log: Logger): Promise<void> {
  const rows = await runDoctor({ ...doctorOptions(config), machineOnly: true });
  for (const row of rows)
    if (row.status === 'warn') log.warn(`${namedFinding(row)}. ${row.cure.replaceAll('\n', ' ')}`);
  const failed = rows.filter((row) => row.status === 'fail');
  if (failed.length === 0) return;
  const cures = failed.flatMap((row) => row.cure.split('\n')).filter(Boolean);
  throw new LocalError(failed.map(namedFinding).join('\n'), cures);
}

/** What was found, with the name of the check where the finding does not name it itself. */
function namedFinding({ check, found }: DoctorRow): string {
  const beginning = found.toLowerCase().replace(/^the /, '');
  return beginning.startsWith(check.toLowerCase()) ? found : `${check}: ${found}`;
}

/** What the doctor checks for a configuration. */
export function doctorOptions(config: Config) {
  return {
    dataPath: config.data_path,
    watchPath: config.no_file_manager ? undefined : config.watch_path,
    mongoUrl: config.db,
    temporalAddress: config.temporal_address,
    host: config.host,
    port: config.port,
    limits: { proc: config.proc, mem: config.mem },
  };
}

/** Runs the server until it is told to stop; gives the exit code. */
export async function runStart(config: Config): Promise<number> {
  const { stack, url } = await startServer(config, plainLogger(printLine));
  printLine(`Documentation of the API: ${url}/api/docs`);
  if (stack.temporalUiUrl) printLine(`Temporal UI: ${stack.temporalUiUrl}`);
  printLine(`Virtool is ready: ${url}`);
  return stopOnSignal(stack, () => printLine('Stopping'));
}

/** Writes a line for people to stdout. */
export function printLine(text: string): void {
  process.stdout.write(`${text}\n`);
}

function childrenOf(config: Config, servers: Servers, onListening: (url: string) => void): ChildSpec[] {
  const { argv, environment } = configToChild({
    ...config,
    db: servers.mongoUrl,
    temporal_address: servers.temporalAddress,
  });
  const child = (name: string, command: string[]): ChildSpec => ({
    name,
    args: ['--max-semi-space-size=8', MAIN, ...command, ...argv],
    env: environment,
    ready: readyWhenSaid(READY),
  });
  const api: ChildSpec = {
    ...child('api', ['api']),
    ready: (output) => {
      const address = LISTENING.exec(output)?.[1];
      if (address) onListening(address);
      return address !== undefined && output.includes(READY);
    },
  };
  const workers = config.no_job_manager
    ? []
    : [child('worker-control', ['worker', 'control']), child('worker-tools', ['worker', 'tools'])];
  return [...workers, api];
}
