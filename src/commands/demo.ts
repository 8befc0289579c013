import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { ConfigError, readConfig } from '../config.js';
import { runDemo } from '../demo/index.js';
import { removePath } from '../files/publish.js';
import { stopOnSignal } from '../local/index.js';
import { createLogger } from '../log.js';
import { printLine, startServer } from './start.js';

const CHECKOUT = fileURLToPath(new URL('../..', import.meta.url));

/** Runs the server in a folder of its own, finds the viruses of the demo sample, and stays up unless told to exit. */
export async function runDemoCommand(argv: string[]): Promise<number> {
  const { exit, json, rest } = demoOptions(argv);
  const home = resolve(CHECKOUT, '.demo');
  const config = readConfig({
    argv: [`--data-path=${resolve(home, 'data')}`, `--watch-path=${resolve(home, 'watch')}`, '--port=0', ...rest],
    environment: process.env,
    directory: home,
  });
  await emptyFolder(home);
  const log = createLogger('virtool', { verbose: config.verbose, level: config.verbose ? 'debug' : 'warn' });
  const { stack, url } = await startServer(config, log);
  try {
    const report = await runDemo({
      url,
      dataFolder: resolve(CHECKOUT, 'demo'),
      temporalUiUrl: stack.temporalUiUrl,
      ...(json === undefined ? {} : { json }),
      print: printLine,
    });
    const status = report.passed ? 0 : 1;
    if (exit) return status;
    printLine('The server stays up; press Ctrl-C to stop it.');
    return (await stopOnSignal(stack, () => printLine('Stopping'))) || status;
  } finally {
    await stack.stop();
  }
}

function demoOptions(argv: string[]): { exit: boolean; json: string | undefined; rest: string[] } {
  const own = { exit: { type: 'boolean' }, json: { type: 'string' } } as const;
  const { tokens } = parseArgs({ args: argv, options: own, strict: false, tokens: true });
  let exit = false;
  let json: string | undefined;
  const used = new Set<number>();
  for (const token of tokens) {
    if (token.kind !== 'option') continue;
    if (token.name === 'exit') exit = true;
    else if (token.name === 'json') {
      if (token.value === undefined) throw new ConfigError('--json needs a file name.');
      json = resolve(token.value);
      if (token.inlineValue === false) used.add(token.index + 1);
    } else continue;
    used.add(token.index);
  }
  return { exit, json, rest: argv.filter((_, index) => !used.has(index)) };
}

// The demo's own folder, and only this: nothing of a laboratory lies in it.
async function emptyFolder(home: string): Promise<void> {
  for (const name of [
    'data/files',
    'data/samples',
    'data/caches',
    'data/references',
    'data/subtractions',
    'data/mongodb',
    'data/temporal',
    'data/logs',
  ]) {
    await removePath(resolve(home, name));
  }
}
