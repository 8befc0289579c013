import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { installAdvice, toolOf } from '../../tools/programs.js';
import { selfTestTools } from '../../tools/self_test.js';
import type { ToolReport } from '../../tools/versions.js';
import { LocalError, reasonOf } from '../errors.js';
import { checkoutCache } from '../install/cache.js';
import { probeToolsQuickly } from '../install/tools.js';
import {
  checkDataFolder,
  checkDisk,
  checkMemory,
  checkNode,
  checkPort,
  checkProcessors,
  checkPython,
  checkWatchFolder,
} from './machine.js';
import { type DoctorOptions, type DoctorRow, row } from './row.js';
import { checkServers, checkServersQuickly } from './servers.js';

type Check = (options: DoctorOptions) => Promise<DoctorRow | DoctorRow[]> | DoctorRow | DoctorRow[];

/** Checks the machine. Never throws for what it finds: every problem is a row with its cure. */
export async function runDoctor(options: DoctorOptions): Promise<DoctorRow[]> {
  const machine: [name: string, check: Check][] = [
    ['Node', checkNode],
    ['Python with venv', checkPython],
    ['Processors', checkProcessors],
    ['Memory', checkMemory],
    ['Data directory', checkDataFolder],
    ['Watch directory', checkWatchFolder],
    ['Disk', checkDisk],
    ['Port', checkPort],
  ];
  const programs: [name: string, check: Check][] = [
    ['Servers', checkBothServers],
    ['Tools', options.quick ? checkToolVersions : checkToolRuns],
  ];
  const checks = options.machineOnly ? machine : [...machine, ...programs];
  const rows: DoctorRow[] = [];
  for (const [name, check] of checks) rows.push(...[await guarded(name, check, options)].flat());
  return rows;
}

async function guarded(name: string, check: Check, options: DoctorOptions): Promise<DoctorRow | DoctorRow[]> {
  try {
    return await check(options);
  } catch (error) {
    return row(name, 'fail', reasonOf(error), error instanceof LocalError ? error.cure.join('\n') : '');
  }
}

async function checkBothServers(options: DoctorOptions): Promise<DoctorRow[]> {
  return options.quick ? checkServersQuickly(options) : checkServers(options);
}

async function checkToolVersions({ cachePath = checkoutCache() }: DoctorOptions): Promise<DoctorRow[]> {
  return (await probeToolsQuickly({ cachePath })).map(toolRow);
}

async function checkToolRuns(): Promise<DoctorRow[]> {
  const folder = mkdtempSync(join(tmpdir(), 'virtool-doctor-'));
  try {
    return (await selfTestTools(folder)).map(toolRow);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function toolRow({ name, command, version, status, detail }: ToolReport): DoctorRow {
  const found = [version, detail].filter(Boolean).join(': ');
  if (status === 'ok') return row(name, 'ok', found);
  const optional = toolOf(command)?.optional;
  if (optional !== undefined) return row(name, 'warn', found, `${optional} ${installAdvice(command)}`);
  return row(name, 'fail', found, installAdvice(command));
}

/** Rows as a table for a terminal; the cure stands below its row. */
export function formatTable(rows: readonly DoctorRow[]): string {
  const width = Math.max(...rows.map(({ check }) => check.length));
  return rows
    .flatMap(({ check, status, found, cure }) => [
      `${check.padEnd(width)}  ${status.padEnd(4)}  ${found}`,
      ...(cure === '' ? [] : cure.split('\n').map((line) => `${' '.repeat(width)}        → ${line}`)),
    ])
    .join('\n');
}
