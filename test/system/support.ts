import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { inject } from 'vitest';
import { buildState } from '../../scripts/setup/set_up.mjs';
import { waitFor } from '../support/wait.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const MAIN = join(ROOT, 'dist', 'main.js');
const READY = /^Virtool is ready: (\S+)$/m;
const MONGO = / at (mongodb:[^"\s]+)/;
const TEMPORAL = /Temporal: .* at ([\d.]+:\d+)/;
const START_LIMIT_MS = 60_000;
const STOP_LIMIT_MS = 60_000;

// Tools get a clean environment, so this marks the server's own processes among those below a home.
const SERVER_MARK = 'SYSTEM_TEST_SERVER=1';

// The group dies when fd 3 closes, which the kernel does even when this test process is killed.
const LIFELINE = '(read _ <&3; kill -KILL 0) >/dev/null 2>&1 & exec "$@" 3<&-';

/** A living process that the server of a home started, itself included. */
export type LivingProcess = { pid: number; command: string; isTool: boolean };

/** A folder for the data of a server, and everything that runs on it. */
export type Home = {
  folder: string;
  dataPath: string;
  /** All living processes that were started for this home, found by their environment and so also when orphaned. */
  processes(): LivingProcess[];
  /** Those of them that are tools or belong to one. */
  tools(): LivingProcess[];
  /** Process id of a child of the supervisor, of the moment: `api`, `worker-control`, `worker-tools`, `temporal`, `mongodb`. */
  child(name: string): number | undefined;
  /** Makes the tools of this program hang, so that they heed nothing but SIGKILL; gives their process ids. */
  hang(program: string): number[];
  /** Ends whatever is left, also after a test that failed, and removes the folder. */
  dispose(): Promise<void>;
};

/** How a process ended, and what it wrote. */
export type Ended = { code: number | null; signal: NodeJS.Signals | null; stdout: string; stderr: string };

/** A server that runs. */
export type RunningServer = {
  url: string;
  mongoUrl: string;
  /** `host:port`. */
  temporalAddress: string;
  /** Process id of the supervisor. */
  pid: number;
  /** As of its home. */
  child(name: string): number | undefined;
  /** What it has said so far. */
  stdout(): string;
  ended: Promise<Ended>;
  /** SIGTERM, or another signal; resolves when it has ended. */
  stop(signal?: NodeJS.Signals): Promise<Ended>;
};

/** An empty home. */
export function createHome(): Home {
  const folder = mkdtempSync(join(inject('runFolder'), 'system-'));
  const dataPath = join(folder, 'data');
  mkdirSync(join(folder, 'tmp'));
  const processes = () => livingProcesses(`TMPDIR=${join(folder, 'tmp')}`);
  const tools = () => processes().filter(({ isTool }) => isTool);
  return {
    folder,
    dataPath,
    processes,
    tools,
    child: (name) => readPid(join(dataPath, 'run', `${name}.json`)),
    hang: (program) =>
      tools()
        .filter(({ command }) => basename(command.split(' ')[0] ?? '').startsWith(program))
        .map(({ pid }) => pid)
        .filter((pid) => signalIfThere(pid, 'SIGSTOP')),
    async dispose() {
      await waitFor(() => {
        const left = processes();
        for (const { pid } of left) signalIfThere(pid, 'SIGKILL');
        return left.length === 0;
      }, `the processes of ${folder} to die`);
      rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

/** Starts a server on a home and waits until it is ready. */
export async function startServer(home: Home, options: readonly string[] = []): Promise<RunningServer> {
  const run = launch(home, ['start'], ['--port=0', ...options]);
  let ended: Ended | undefined;
  void run.ended.then((how) => {
    ended = how;
  });
  const url = await waitFor(
    () => {
      if (ended) throw new Error(`The server ended with ${ended.code ?? ended.signal}: ${ended.stderr}${ended.stdout}`);
      return READY.exec(run.stdout())?.[1];
    },
    'the server to be ready',
    START_LIMIT_MS,
  ).catch((cause: Error) => {
    throw new Error(`${cause.message}, with this output:\n${run.stdout()}`, { cause });
  });
  const { pid } = run;
  return {
    url,
    mongoUrl: MONGO.exec(run.stdout())?.[1] ?? '',
    temporalAddress: TEMPORAL.exec(run.stdout())?.[1] ?? '',
    pid,
    child: home.child,
    stdout: run.stdout,
    ended: run.ended,
    stop(signal = 'SIGTERM') {
      process.kill(pid, signal);
      return within(run.ended, STOP_LIMIT_MS, 'the server to end');
    },
  };
}

/** Starts a server that is expected to end by itself, and waits for it. */
export function runServer(
  home: Home,
  options: readonly string[],
  environment: Record<string, string> = {},
): Promise<Ended> {
  return within(launch(home, ['start'], options, environment).ended, START_LIMIT_MS, 'the server to end');
}

/** The same for another command on the home. */
export function runCommand(home: Home, command: readonly string[], options: readonly string[]): Promise<Ended> {
  return within(launch(home, command, options).ended, START_LIMIT_MS, `${command.join(' ')} to end`);
}

function launch(
  home: Home,
  words: readonly string[],
  options: readonly string[],
  environment: Record<string, string> = {},
) {
  requireBuild();
  const places = [`--data-path=${home.dataPath}`, `--watch-path=${join(home.folder, 'watch')}`];
  // What a test gives comes last and wins.
  const command = [process.execPath, MAIN, ...words, ...places, ...options];
  const child = spawn('/bin/sh', ['-c', LIFELINE, 'sh', ...command], {
    cwd: home.folder,
    env: { ...ownEnvironment(), TMPDIR: join(home.folder, 'tmp'), [MARK_NAME]: MARK_VALUE, ...environment },
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
  });
  const { pid } = child;
  if (pid === undefined) throw new Error('/bin/sh cannot be started');
  child.stdio[3]?.on('error', () => undefined);
  const stdout = collect(child, 'stdout');
  const stderr = collect(child, 'stderr');
  const ended = new Promise<Ended>((resolve) => {
    // The lifeline holds the pipes open.
    child.once('exit', () => signalIfThere(-pid, 'SIGKILL'));
    child.once('close', (code, signal) => resolve({ code, signal, stdout: stdout(), stderr: stderr() }));
  });
  return { pid, stdout, ended };
}

const [MARK_NAME = '', MARK_VALUE = ''] = SERVER_MARK.split('=');

function collect(child: ChildProcess, stream: 'stdout' | 'stderr'): () => string {
  let text = '';
  child[stream]?.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
  });
  return () => text;
}

function requireBuild(): void {
  const state = buildState();
  if (state !== 'current') {
    throw new Error(
      `The server's build in ${join(ROOT, 'dist')} is ${state}. Run the tests with "npm test", which builds first.`,
    );
  }
}

// Settings of the person who runs this must not change what the server does.
function ownEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !name.startsWith('VT_') || name === 'VT_CACHE_PATH'),
  );
}

function livingProcesses(mark: string): LivingProcess[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      // A zombie has no environment left.
      const environment = readOrNothing(`/proc/${name}/environ`).split('\0');
      if (!environment.includes(mark)) return [];
      const command = readOrNothing(`/proc/${name}/cmdline`).replaceAll('\0', ' ').trim();
      return [{ pid: Number(name), command, isTool: !environment.includes(SERVER_MARK) }];
    });
}

function readOrNothing(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    // It ended between two looks, or belongs to somebody else.
    return '';
  }
}

function readPid(path: string): number | undefined {
  const text = readOrNothing(path);
  return text === '' ? undefined : (JSON.parse(text) as { pid: number }).pid;
}

/** False when there is no such process, or group, any more. */
function signalIfThere(pid: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    return false;
  }
}

async function within<T>(promise: Promise<T>, limitMs: number, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`Waited ${limitMs / 1000} s in vain: ${what}`)), limitMs);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
