import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Config, ConfigError, readConfig } from '../config.js';
import { runDemo } from '../demo/index.js';
import { startReleaseServer } from '../demo/release_server.js';
import { removePath } from '../files/publish.js';
import { livingSupervisor, plainLogger, stopOnSignal } from '../local/index.js';
import { printLine, startServer } from './start.js';

const CHECKOUT = fileURLToPath(new URL('../..', import.meta.url));
const DATA = resolve(CHECKOUT, 'demo');
const HMM_ARCHIVE = 'hmm-small.tar.gz';
/** As shells tell it of a program that Ctrl-C has ended: nothing is known of the result. */
const STOPPED = 130;

/** What the demo keeps in its own folder; emptied at each start. Nothing of a laboratory lies there. */
const OWN_FOLDERS = ['files', 'samples', 'caches', 'references', 'subtractions', 'hmm', 'mongodb', 'temporal', 'logs'];

/** Runs the server in a folder of its own, finds the viruses of the demo sample, and stays up unless told to exit. */
export async function runDemoCommand(argv: string[]): Promise<number> {
  const { exit, json, rest } = demoOptions(argv);
  const home = resolve(CHECKOUT, '.demo');
  const own = { data_path: resolve(home, 'data'), watch_path: resolve(home, 'watch') };
  const given = readConfig({
    argv: ['--port=0', '--no-refreshing', ...fewCores(), ...rest],
    environment: process.env,
    directory: home,
  });
  const other = livingSupervisor(own.data_path);
  if (other !== undefined) {
    throw new ConfigError(`The demo runs already, as process ${other}. Stop it first (kill ${other}).`);
  }
  for (const name of OWN_FOLDERS) await removePath(resolve(own.data_path, name));
  const releases = await startReleaseServer(resolve(DATA, HMM_ARCHIVE));
  try {
    return await runOnServer({ ...given, ...own, github_url: releases.url }, { exit, json });
  } finally {
    await releases.close();
  }
}

/** On few cores two small jobs at the same time, on one core each, are done sooner than one after the other on two. */
function fewCores(): string[] {
  return availableParallelism() < 4 ? ['--sm-proc=1'] : [];
}

async function runOnServer(
  config: Config,
  { exit, json }: { exit: boolean; json: string | undefined },
): Promise<number> {
  const { stack, url } = await startServer(config, plainLogger(printLine));
  const stop = new AbortController();
  const stopped = stopOnSignal(stack, () => {
    printLine('Stopping');
    stop.abort(new Error('The demo was stopped'));
  });
  try {
    const report = await runDemo({
      url,
      dataFolder: DATA,
      temporalUiUrl: stack.temporalUiUrl,
      json,
      print: printLine,
      signal: stop.signal,
    });
    const status = report.passed ? 0 : 1;
    if (exit) return status;
    printLine('The server stays up; press Ctrl-C to stop it.');
    return (await stopped) || status;
  } catch (error) {
    if (!stop.signal.aborted) throw error;
    printLine('The demo was stopped before its end.');
    return (await stopped) || STOPPED;
  } finally {
    await stack.stop();
  }
}

function demoOptions(argv: string[]): { exit: boolean; json: string | undefined; rest: string[] } {
  const rest: string[] = [];
  let exit = false;
  let json: string | undefined;
  for (let i = 0; i < argv.length; i += 1) {
    const arg = argv[i] as string;
    if (arg === '--exit') exit = true;
    else if (arg.startsWith('--json=')) json = arg.slice('--json='.length);
    else if (arg === '--json') json = argv[++i] ?? '';
    else rest.push(arg);
  }
  if (json === '') throw new ConfigError('--json needs the name of a file for the report.');
  return { exit, json: json === undefined ? undefined : resolve(json), rest };
}
