import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { ConfigError } from '../config.js';
import { VectorError } from '../golden/errors.js';
import { computeGolden } from '../golden/index.js';
import { untilSignal } from './shared.js';
import { printLine } from './start.js';

const USAGE = 'Usage: npm run golden -- --vectors FOLDER --out FOLDER';

/** Computes the documents of golden vectors with the functions of the server; gives 1 when one failed. */
export async function runGoldenCommand(argv: string[]): Promise<number> {
  const { vectors, out } = goldenOptions(argv);
  const signal = untilSignal();
  try {
    const threads = availableParallelism();
    return (await computeGolden({ vectors, out, threads, signal, print: printLine })) > 0 ? 1 : 0;
  } catch (error) {
    if (error instanceof VectorError) throw new ConfigError(error.message);
    if (!signal.aborted) throw error;
    printLine('Stopped');
    return 1;
  }
}

function goldenOptions(args: string[]): { vectors: string; out: string } {
  try {
    const { values } = parseArgs({ args, options: { vectors: { type: 'string' }, out: { type: 'string' } } });
    const { vectors, out } = values;
    if (vectors && out) return { vectors, out };
  } catch (error) {
    throw new ConfigError(`${(error as Error).message}\n${USAGE}`);
  }
  throw new ConfigError(`Both folders are needed.\n${USAGE}`);
}
