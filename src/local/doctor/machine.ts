import { accessSync, constants, statSync } from 'node:fs';
import { availableParallelism, totalmem } from 'node:os';
import { reasonOf } from '../errors.js';
import { runCommand } from '../machine/commands.js';
import { freeBytes, livingSupervisor, nearestFolder, requireWritable } from '../machine/data_folder.js';
import { requireFreePort } from '../machine/ports.js';
import { type DoctorOptions, type DoctorRow, row } from './row.js';

const GIB = 1024 ** 3;
const NODE_NEEDED = { major: 20, minor: 19 };
const DISK_FAIL_GIB = 1;
const DISK_WARN_GIB = 20;
const MEMORY_WARN_GIB = 4;
const PYTHON_LIMIT_MS = 20_000;

/** The version of Node. */
export function checkNode(): DoctorRow {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const isNew = major > NODE_NEEDED.major || (major === NODE_NEEDED.major && minor >= NODE_NEEDED.minor);
  return row('Node', isNew ? 'ok' : 'fail', process.versions.node, isNew ? '' : 'Install Node 20.19 or newer.');
}

/** Python with what pip needs. */
export async function checkPython(): Promise<DoctorRow> {
  const script = 'import sys, venv, ensurepip; print(sys.version.split()[0])';
  const asked = await runCommand('python3', ['-c', script], { limitMs: PYTHON_LIMIT_MS });
  if (asked.code === 0) return row('Python with venv', 'ok', asked.stdout.trim());
  return row(
    'Python with venv',
    'warn',
    asked.stderr.includes('ENOENT') ? 'no python3 on PATH' : 'python3 without its venv module',
    'SPAdes and the download of embedded servers need it: apt-get install python3 python3-venv',
  );
}

/** Processors of the host against those that jobs may use. */
export function checkProcessors({ limits }: DoctorOptions): DoctorRow {
  const cores = availableParallelism();
  const found = `${cores}, jobs may use ${limits.proc}`;
  return limits.proc > cores
    ? row('Processors', 'fail', found, `Give --proc ${cores}.`)
    : row('Processors', 'ok', found);
}

/** Memory of the host against that which jobs may use. */
export function checkMemory({ limits }: DoctorOptions): DoctorRow {
  const total = totalmem() / GIB;
  const found = `${total.toFixed(1)} GiB, jobs may use ${limits.mem} GiB`;
  if (limits.mem > total) return row('Memory', 'fail', found, `Give --mem ${Math.max(1, Math.floor(total))}.`);
  if (total < MEMORY_WARN_GIB) return row('Memory', 'warn', found, 'Assemblies and large references need more.');
  return row('Memory', 'ok', found);
}

/** Write rights on the data directory. */
export function checkDataFolder({ dataPath }: DoctorOptions): DoctorRow {
  requireWritable(dataPath);
  return row('Data directory', 'ok', `${dataPath} can be written`);
}

/** Rights on the watch directory: what is dropped there is read and then removed. */
export function checkWatchFolder({ watchPath }: DoctorOptions): DoctorRow[] {
  const check = 'Watch directory';
  if (watchPath === undefined) return [];
  const place = nearestFolder(watchPath);
  try {
    if (!statSync(place).isDirectory()) throw new Error(`${place} is a file`);
    accessSync(place, constants.R_OK | constants.W_OK | constants.X_OK);
    return [row(check, 'ok', `${watchPath} can be read and emptied`)];
  } catch (error) {
    const cure = [
      'Read files that are dropped there will not arrive.',
      'Give it to this user, choose another directory with --watch-path, or do without: --no-file-manager.',
    ];
    return [row(check, 'warn', `${watchPath} cannot be used: ${reasonOf(error)}`, cure.join('\n'))];
  }
}

/** Free space for the data directory. */
export function checkDisk({ dataPath }: DoctorOptions): DoctorRow {
  const free = freeBytes(nearestFolder(dataPath)) / GIB;
  const found = `${free.toFixed(1)} GiB free for ${dataPath}`;
  if (free < DISK_FAIL_GIB) return row('Disk', 'fail', found, `Free some space: at least ${DISK_FAIL_GIB} GiB.`);
  if (free >= DISK_WARN_GIB) return row('Disk', 'ok', found);
  return row('Disk', 'warn', found, `Jobs need several times the size of their reads; have ${DISK_WARN_GIB} GiB free.`);
}

/** Whether the server's port can be had, or is held by this data directory's own server. */
export async function checkPort({ dataPath, host, port }: DoctorOptions): Promise<DoctorRow> {
  if (port === 0) return row('Port', 'ok', 'a free one is taken at start');
  const running = livingSupervisor(dataPath);
  if (running === undefined) {
    await requireFreePort(host, port, '--port');
    return row('Port', 'ok', `${port} is free on ${host}`);
  }
  return row('Port', 'ok', `the server of this data directory runs (process ${running})`);
}
