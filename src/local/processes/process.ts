import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
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
import { describeExit, isLastingEnd, lastingOf, type ProcessExit, StartFailed } from './start_failed.js';

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
  /** Makes the place ready before each start. */
  prepare?(): void;
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

/** Where logs and pid files go: `<data>/logs` and `<data>/run`; `onFault` hears when the disk refuses one of them. */
export type ProcessHome = { dataPath: string; onFault(error: unknown): void };

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

/** A program that was launched; {@link startProcess} waits for it as well. */
export type LaunchedProcess = OwnedProcess & {
  /**
   * Resolves when it is ready. Throws `StartFailed` when it ends before or is late, and the signal's reason when that says that it is no longer
   * wanted; then nothing of it is left.
   */
  untilReady(signal?: AbortSignal): Promise<void>;
};

const OUTPUT_KEPT = 64 * 1024;
const PROBE_EVERY_MS = 40;
const LEFTOVER_GRACE_MS = 3_000;
/** How long a stranger may hold the output of a program that has ended. */
const OUTPUT_GRACE_MS = 2_000;

// The group dies when fd 3 closes, which the kernel does even when this process is killed with SIGKILL.
const LIFELINE = '(read _ <&3; kill -KILL 0) >/dev/null 2>&1 & exec "$@" 3<&-';

// glibc keeps what was freed for threads to come; with these it goes back to the system. Whoever sets them otherwise is heard.
const ALLOCATOR = {
  MALLOC_ARENA_MAX: '2',
  MALLOC_TRIM_THRESHOLD_: '131072',
  MALLOC_MMAP_THRESHOLD_: '131072',
};

/**
 * Starts a program in a group of its own and waits until it is ready. Throws as `launchProcess` and `untilReady` of
 * {@link LaunchedProcess} do.
 */
export async function startProcess(spec: ProcessSpec, home: ProcessHome, signal?: AbortSignal): Promise<OwnedProcess> {
  const launched = launchProcess(spec, home);
  await launched.untilReady(signal);
  return launched;
}

/** Starts a program in a group of its own. Throws `StartFailed`, with nothing left running, when it cannot be started or noted. */
export function launchProcess(spec: ProcessSpec, home: ProcessHome): LaunchedProcess {
  prepare(spec);
  const log = new LogFile(join(home.dataPath, 'logs', `${spec.name}.log`), home.onFault);
  const child = spawnGroup(spec);
  child?.on('error', () => undefined);
  const pid = child?.pid;
  if (child === undefined || pid === undefined) {
    log.close();
    throw notSpawned(spec);
  }
  // Everything that ends the group stands before anything that may throw.
  let hasExited = false;
  const signalAll = (name: NodeJS.Signals) => {
    if (!hasExited) signalGroup(pid, name);
  };
  const pidFile = join(home.dataPath, 'run', `${spec.name}.json`);
  const exited = new Promise<ProcessExit>((resolve) => {
    child.once('exit', () => {
      // Stragglers and the lifeline hold the pipes open, so they go first.
      signalAll('SIGKILL');
      hasExited = true;
      setTimeout(() => closeOutput(child), OUTPUT_GRACE_MS).unref();
    });
    child.once('close', (code, signal) => {
      log.close();
      removePidFile(pidFile, home);
      resolve({ code, signal });
    });
  });
  const output = collectOutput(child, log, spec);
  try {
    writePidFile(pidFile, pid);
  } catch (error) {
    signalAll('SIGKILL');
    throw new StartFailed(`${spec.name} could not be noted in ${pidFile}: ${reasonOf(error)}`, lastingOf(error), {
      cause: error,
    });
  }
  const owned: OwnedProcess = {
    name: spec.name,
    pid,
    exited,
    tail: (count = 3) => lastLines(output(), count),
    kill: () => signalAll('SIGKILL'),
    stop: (limitMs = spec.stopLimitMs) => stopGroup(signalAll, exited, limitMs),
  };
  return { ...owned, untilReady: (signal) => untilReady(spec, owned, output, signal) };
}

function prepare(spec: ProcessSpec): void {
  try {
    spec.prepare?.();
  } catch (error) {
    throw new StartFailed(`${spec.name} could not be prepared: ${reasonOf(error)}`, lastingOf(error), { cause: error });
  }
}

function spawnGroup(spec: ProcessSpec): ChildProcess | undefined {
  try {
    return spawn('/bin/sh', ['-c', LIFELINE, 'sh', spec.command, ...spec.args], {
      cwd: spec.cwd,
      env: { ...ALLOCATOR, ...(spec.env ?? process.env) },
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
    });
  } catch {
    // Want of memory is thrown, want of processes or files only told by an event.
    return undefined;
  }
}

function notSpawned({ name, cwd }: ProcessSpec): StartFailed {
  const missing = ['/bin/sh', cwd].filter((path) => !existsSync(path));
  return missing.length > 0
    ? new StartFailed(`${name} could not be started: ${missing.join(' and ')} is missing`, 'lasting')
    : new StartFailed(`${name} could not be started: the system gives no more processes, files or memory`, 'passing');
}

// Somebody outside of the group, so not killed with it, may have the other end.
function closeOutput(child: ChildProcess): void {
  for (const stream of child.stdio) stream?.destroy();
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

async function untilReady(
  spec: ProcessSpec,
  owned: OwnedProcess,
  output: () => string,
  signal: AbortSignal | undefined,
): Promise<void> {
  const waiting = new AbortController();
  const words = () => owned.tail() || 'no output';
  const probe = async () => {
    while (!waiting.signal.aborted && !(await spec.ready(output()))) await delay(PROBE_EVERY_MS);
  };
  const end = async () => {
    const exit = await owned.exited;
    const message = `${spec.name} ended with ${describeExit(exit)} while starting: ${words()}`;
    throw new StartFailed(message, isLastingEnd(exit, words()) ? 'lasting' : 'passing');
  };
  const limit = async () => {
    await delay(spec.readyLimitMs, undefined, { signal: waiting.signal });
    throw new StartFailed(`${spec.name} was not ready after ${spec.readyLimitMs / 1000} s: ${words()}`, 'late');
  };
  const unwanted = new Promise<never>((_, reject) => {
    signal?.addEventListener('abort', () => reject(signal.reason), { once: true, signal: waiting.signal });
  });
  try {
    signal?.throwIfAborted();
    // A question may hang, so nothing waits for its answer alone.
    await Promise.race([end(), probe(), limit(), unwanted]);
  } catch (error) {
    await owned.stop();
    throw error;
  } finally {
    waiting.abort();
  }
}

async function stopGroup(
  signalAll: (name: NodeJS.Signals) => void,
  exited: Promise<ProcessExit>,
  limitMs: number,
): Promise<ProcessExit> {
  signalAll('SIGTERM');
  const hard = setTimeout(() => signalAll('SIGKILL'), limitMs);
  try {
    return await exited;
  } finally {
    clearTimeout(hard);
  }
}

function writePidFile(path: string, pid: number): void {
  mkdirSync(dirname(path), { recursive: true });
  const identity: ProcessIdentity = { pid, start: processStart(pid) ?? '' };
  writeFileSync(path, JSON.stringify(identity));
}

function removePidFile(path: string, home: ProcessHome): void {
  try {
    rmSync(path, { force: true });
  } catch (error) {
    home.onFault(error);
  }
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
