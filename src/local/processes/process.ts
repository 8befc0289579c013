import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { errorCode, LocalError, reasonOf } from '../errors.js';
import { lastLines } from '../machine/commands.js';
import {
  isAlive,
  type ProcessIdentity,
  parseIdentity,
  processStart,
  signalGroup,
  waitGone,
} from '../machine/proc_table.js';
import { LogFile } from './log_file.js';

/** How it is seen that a running program still does its work: how often it is asked, and after how many answers of no it is given up. */
export type Liveness = { ask(): Promise<boolean>; everyMs: number; misses: number };

/** A long-running program that we own. */
export type ProcessSpec = {
  /** Names its log and pid files and its events, e.g. `mongodb`. */
  name: string;
  command: string;
  args: readonly string[];
  cwd: string;
  env?: NodeJS.ProcessEnv;
  /** Asked again and again with the output so far, until it says true. */
  ready(output: string): Promise<boolean> | boolean;
  readyLimitMs: number;
  /** Asked from time to time while it runs. One that answers no several times in a row is ended, and so started again. */
  alive?: Liveness;
  /** How long SIGTERM may take before SIGKILL follows. */
  stopLimitMs: number;
  /** Sees the program's output as it comes, besides the log file. */
  onOutput?(chunk: Buffer): void;
};

/** Where logs and pid files go: `<data>/logs` and `<data>/run`. */
export type ProcessHome = { dataPath: string; onFault(error: unknown): void };

/** How a program ended. */
export type ProcessExit = { code: number | null; signal: NodeJS.Signals | null };

/** A running program that we own, with everything below it. */
export type OwnedProcess = {
  name: string;
  pid: number;
  exited: Promise<ProcessExit>;
  /** The last lines of its output. */
  tail(count?: number): string;
  /** SIGTERM to the whole group, SIGKILL after the limit; resolves when all are gone. */
  stop(limitMs?: number): Promise<ProcessExit>;
  kill(): void;
};

const OUTPUT_KEPT = 64 * 1024;
const PROBE_EVERY_MS = 40;
const LEFTOVER_GRACE_MS = 3_000;

// The group dies when fd 3 closes, which the kernel does even when this process is killed with SIGKILL.
const LIFELINE = '(read _ <&3; kill -KILL 0) >/dev/null 2>&1 & exec "$@" 3<&-';

/**
 * Starts a program in a group of its own and waits until it is ready. Throws `LocalError` with its last
 * words when it ends before, is late, or when `signal` says that it is no longer wanted.
 */
export async function startProcess(spec: ProcessSpec, home: ProcessHome, signal?: AbortSignal): Promise<OwnedProcess> {
  const owned = launch(spec, home);
  try {
    await untilReady(spec, owned, signal);
    return owned;
  } catch (error) {
    await owned.stop();
    throw error;
  }
}

type Launched = OwnedProcess & { output(): string };

function launch(spec: ProcessSpec, home: ProcessHome): Launched {
  const log = new LogFile(join(home.dataPath, 'logs', `${spec.name}.log`), home.onFault);
  const child = spawn('/bin/sh', ['-c', LIFELINE, 'sh', spec.command, ...spec.args], {
    cwd: spec.cwd,
    env: spec.env ?? process.env,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
  });
  const output = collectOutput(child, log, spec);
  const pid = child.pid;
  if (pid === undefined) {
    child.once('error', () => undefined);
    log.close();
    throw new LocalError(`${spec.name} could not be started: /bin/sh or ${spec.cwd} is missing`);
  }
  const pidFile = writePidFile(home.dataPath, spec.name, pid);
  const exited = new Promise<ProcessExit>((resolve, reject) => {
    child.once('error', reject);
    // Stragglers and the lifeline hold the pipes open, so they go first.
    child.once('exit', () => signalGroup(pid, 'SIGKILL'));
    child.once('close', (code, signal) => {
      log.close();
      rmSync(pidFile, { force: true });
      resolve({ code, signal });
    });
  });
  return {
    name: spec.name,
    pid,
    exited,
    output,
    tail: (count = 3) => lastLines(output(), count),
    kill: () => signalGroup(pid, 'SIGKILL'),
    stop: (limitMs = spec.stopLimitMs) => stopGroup(pid, exited, limitMs),
  };
}

function collectOutput(child: ChildProcess, log: LogFile, spec: ProcessSpec): () => string {
  let kept = '';
  const take = (chunk: Buffer) => {
    log.write(chunk);
    kept = (kept + chunk.toString('utf8')).slice(-OUTPUT_KEPT);
    spec.onOutput?.(chunk);
  };
  child.stdout?.on('data', take);
  child.stderr?.on('data', take);
  // The far end of the lifeline may vanish first; its exit event says the same.
  child.stdio[3]?.on('error', () => undefined);
  return () => kept;
}

async function untilReady(spec: ProcessSpec, owned: Launched, signal: AbortSignal | undefined): Promise<void> {
  const end = Date.now() + spec.readyLimitMs;
  let exit: ProcessExit | undefined;
  void owned.exited.then((how) => {
    exit = how;
  });
  for (;;) {
    signal?.throwIfAborted();
    if (exit !== undefined) {
      throw new LocalError(
        `${spec.name} ended with ${describeExit(exit)} while starting: ${owned.tail() || 'no output'}`,
      );
    }
    if (await spec.ready(owned.output())) return;
    if (Date.now() > end) {
      throw new LocalError(
        `${spec.name} was not ready after ${spec.readyLimitMs / 1000} s: ${owned.tail() || 'no output'}`,
      );
    }
    await delay(PROBE_EVERY_MS);
  }
}

async function stopGroup(pid: number, exited: Promise<ProcessExit>, limitMs: number): Promise<ProcessExit> {
  signalGroup(pid, 'SIGTERM');
  const hard = setTimeout(() => signalGroup(pid, 'SIGKILL'), limitMs);
  try {
    return await exited;
  } finally {
    clearTimeout(hard);
  }
}

/** `code 1` or `SIGKILL`. */
export function describeExit({ code, signal }: ProcessExit): string {
  return signal ?? `code ${code}`;
}

function writePidFile(dataPath: string, name: string, pid: number): string {
  const folder = join(dataPath, 'run');
  mkdirSync(folder, { recursive: true });
  const path = join(folder, `${name}.json`);
  const identity: ProcessIdentity = { pid, start: processStart(pid) ?? '' };
  writeFileSync(path, JSON.stringify(identity));
  return path;
}

/**
 * Ends what an earlier supervisor of this data folder left running, and removes its pid files. The lifeline
 * should have done it; what is left is ended only when its number and its start time both match.
 * Returns the names of what was still there.
 */
export async function endLeftovers(dataPath: string, spare: readonly string[] = []): Promise<string[]> {
  const folder = join(dataPath, 'run');
  const names = listPidFiles(folder).filter((name) => !spare.includes(name));
  const ended = await Promise.all(names.map((name) => endLeftover(join(folder, `${name}.json`), name)));
  return ended.filter((name) => name !== undefined);
}

async function endLeftover(path: string, name: string): Promise<string | undefined> {
  const identity = readPidFile(path);
  const alive = identity !== undefined && isAlive(identity);
  if (identity && alive) {
    signalGroup(identity.pid, 'SIGTERM');
    if (!(await waitGone(identity, LEFTOVER_GRACE_MS))) signalGroup(identity.pid, 'SIGKILL');
    if (!(await waitGone(identity, LEFTOVER_GRACE_MS))) {
      throw new LocalError(`${name} of an earlier run (process ${identity.pid}) cannot be ended`, [
        `kill -9 ${identity.pid}`,
      ]);
    }
  }
  rmSync(path, { force: true });
  return alive ? name : undefined;
}

function listPidFiles(folder: string): string[] {
  try {
    return readdirSync(folder)
      .filter((file) => file.endsWith('.json'))
      .map((file) => file.slice(0, -'.json'.length));
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return [];
    throw error;
  }
}

function readPidFile(path: string): ProcessIdentity | undefined {
  try {
    return parseIdentity(JSON.parse(readFileSync(path, 'utf8')));
  } catch (error) {
    if (error instanceof SyntaxError || errorCode(error) === 'ENOENT') return undefined;
    throw new LocalError(`${path} cannot be read: ${reasonOf(error)}`, [], { cause: error });
  }
}
