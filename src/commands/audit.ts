import { ConfigError, readConfig } from '../config.js';
import type { KnownEntry } from '../store/audit.js';
import { openDatabase } from '../store/database/database.js';
import { createStore } from '../store/index.js';
import { requireAddress } from './shared.js';
import { printLine } from './start.js';

const USAGE = 'Usage: virtool audit verify --db CONNECTION [--db-name NAME] [--known NUMBER:HASH]';
const KNOWN = /^--known=(\d{1,12}):([0-9a-f]{64})$/;

/** Verifies the audit log of a database; gives 1 when it was tampered with. */
export async function runAuditCommand([verb, ...argv]: string[]): Promise<number> {
  if (verb !== 'verify') throw new ConfigError(USAGE);
  const { known, rest } = splitKnown(argv);
  const config = readConfig({ argv: rest, environment: process.env, directory: process.cwd() });
  const database = await openDatabase({ url: requireAddress(config, 'db'), name: config.db_name });
  try {
    const found = await createStore(database).audit.verify(known);
    if (found.ok) printLine(`The audit log holds: ${found.count} entries, the last one with the hash ${found.hash}`);
    else printLine(`The audit log was changed. Entry ${found.broken}: ${found.reason}. Those before it are sound.`);
    return found.ok ? 0 : 1;
  } finally {
    await database.close();
  }
}

function splitKnown(argv: string[]): { known: KnownEntry | undefined; rest: string[] } {
  const at = argv.findIndex((argument) => argument === '--known' || argument.startsWith('--known='));
  if (at < 0) return { known: undefined, rest: argv };
  const isApart = argv[at] === '--known';
  const written = isApart ? `--known=${argv[at + 1] ?? ''}` : (argv[at] ?? '');
  const [, number, hash] = KNOWN.exec(written) ?? [];
  if (!number || !hash) throw new ConfigError(`--known must be the number and the hash of an entry.\n${USAGE}`);
  return { known: { number: Number(number), hash }, rest: argv.toSpliced(at, isApart ? 2 : 1) };
}
