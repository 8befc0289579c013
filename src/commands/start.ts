import { fileURLToPath } from 'node:url';
import { type Config, configToChild } from '../config.js';
import {
  type ChildSpec,
  LocalError,
  readyWhenSaid,
  type Servers,
  type Stack,
  startStack,
  stopOnSignal,
} from '../local/index.js';
import { createLogger, type Logger } from '../log.js';
import { READY } from './shared.js';

const MAIN = fileURLToPath(new URL('../main.js', import.meta.url));
const LISTENING = /"listening":"(http:[^"]+)"/;

/** The whole server while it runs. */
export type RunningServer = { stack: Stack; url: string };

/** Starts everything for a data directory: embedded servers where none are given, workers, API. */
export async function startServer(config: Config, log: Logger): Promise<RunningServer> {
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

/** Runs the server until it is told to stop; gives the exit code. */
export async function runStart(config: Config): Promise<number> {
  const log = createLogger('virtool', { verbose: config.verbose });
  const { stack, url } = await startServer(config, log);
  printLine(`Documentation of the API: ${url}/api/docs`);
  if (stack.temporalUiUrl) printLine(`Temporal UI: ${stack.temporalUiUrl}`);
  printLine(`Virtool is ready: ${url}`);
  return stopOnSignal(stack, () => printLine('Stopping'));
}

/** Writes a line for people to stdout. */
export function printLine(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** What is wrong and what to do, for a terminal. */
export function explainFault(error: unknown): string {
  if (error instanceof LocalError) return error.text();
  return error instanceof Error ? error.message : String(error);
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
