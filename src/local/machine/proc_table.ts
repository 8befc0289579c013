import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { errorCode } from '../errors.js';

/** A process that cannot be mistaken for a later one with the same number. */
export type ProcessIdentity = { pid: number; start: string };

/** When a process started, in the kernel's own unit; undefined when there is none or only its zombie is left. */
export function processStart(pid: number): string | undefined {
  return process.platform === 'linux' ? startFromProc(pid) : startFromPs(pid);
}

function startFromProc(pid: number): string | undefined {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch (error) {
    if (errorCode(error) === 'ENOENT' || errorCode(error) === 'ESRCH') return undefined;
    throw error;
  }
  // The program's name may hold spaces and brackets, so fields count from its last bracket: state is the third, start the 22nd.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields[0] === 'Z' ? undefined : fields[19];
}

function startFromPs(pid: number): string | undefined {
  try {
    return (
      execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8', timeout: 5_000 }).trim() || undefined
    );
  } catch {
    return undefined;
  }
}

/** This process. */
export function ownIdentity(): ProcessIdentity {
  return { pid: process.pid, start: processStart(process.pid) ?? '' };
}

/** Whether exactly this process, and not a later one with its number, still runs. */
export function isAlive({ pid, start }: ProcessIdentity): boolean {
  return processStart(pid) === start;
}

/** Reads an identity from parsed JSON; undefined when the value is something else. */
export function parseIdentity(value: unknown): ProcessIdentity | undefined {
  if (typeof value !== 'object' || value === null || !('pid' in value) || !('start' in value)) return undefined;
  const { pid, start } = value;
  return typeof pid === 'number' && typeof start === 'string' ? { pid, start } : undefined;
}

/** Sends a signal to a whole process group; a group that is already gone is fine. */
export function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch (error) {
    if (errorCode(error) !== 'ESRCH') throw error;
  }
}

/** Waits until a process is gone; false when it still runs after the limit. */
export async function waitGone(identity: ProcessIdentity, limitMs: number): Promise<boolean> {
  const end = Date.now() + limitMs;
  while (isAlive(identity)) {
    if (Date.now() >= end) return false;
    await delay(20);
  }
  return true;
}
