import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Duplex, Readable, Writable } from 'node:stream';

/** How to start a process group. */
export type GroupOptions = {
  cwd: string;
  env: NodeJS.ProcessEnv;
  stdin: 'ignore' | 'pipe' | number;
  stdout: 'ignore' | 'pipe' | number;
  /** Time between SIGTERM and SIGKILL when the group is stopped. */
  killAfterMs: number;
};

/** How the main process of a group ended; `stopped` tells that we asked for it. */
export type Ending = { exitCode: number | null; signal: NodeJS.Signals | null; stopped: boolean };

/** A program and all that it starts, owned by this process: none of them outlives `ended`, nor this process. */
export type ProcessGroup = {
  readonly pid: number;
  readonly stdin: Writable | null;
  readonly stdout: Readable | null;
  readonly stderr: Readable;
  /** Settles when the main process is gone and the rest of the group has been sent SIGKILL. */
  readonly ended: Promise<Ending>;
  /** Ends the group: SIGTERM, then SIGKILL. May be called at any time and more than once. */
  stop(): void;
};

/**
 * Runs beside the tool in its group. When our end of descriptor 3 closes, because this process died however it died, the
 * group is killed. It outlives a SIGTERM, so that a stubborn tool is not left alone between SIGTERM and SIGKILL.
 */
const LIFELINE = '(trap "" TERM HUP; read _ <&3; kill -KILL 0) >/dev/null 2>&1 & exec "$@" 3<&-';

/** A process that SIGKILL does not end hangs in the kernel (a dead network disk, say); nobody can wait for that. */
const UNKILLABLE_AFTER_MS = 30_000;

/** Starts a program, given by its absolute path, as the leader of its own process group. */
export async function startGroup(path: string, args: readonly string[], options: GroupOptions): Promise<ProcessGroup> {
  const child = spawn('/bin/sh', ['-c', LIFELINE, 'sh', path, ...args], {
    cwd: options.cwd,
    env: options.env,
    detached: true,
    stdio: [options.stdin, options.stdout, 'pipe', 'pipe'],
  });
  await started(child, path, options.cwd);
  const { pid, stderr } = child;
  if (pid === undefined || stderr === null) throw new Error(`${path} has no process id`);
  // A tool that dies takes its end of the lifeline with it.
  (child.stdio[3] as Duplex).on('error', () => {});
  child.stdin?.on('error', () => {});
  const stopper = createStopper(pid, path, options.killAfterMs);
  const ended = Promise.race([
    once(child, 'exit').then(([exitCode, signal]): Ending => {
      stopper.finish();
      return { exitCode, signal, stopped: stopper.asked() };
    }),
    stopper.failed,
  ]);
  return { pid, stdin: child.stdin, stdout: child.stdout, stderr, ended, stop: stopper.stop };
}

async function started(child: ChildProcess, path: string, cwd: string): Promise<void> {
  try {
    await once(child, 'spawn');
  } catch (cause) {
    throw new Error(`${path} could not be started in ${cwd}`, { cause });
  }
}

function createStopper(pid: number, path: string, killAfterMs: number) {
  let asked = false;
  let over = false;
  const timers: NodeJS.Timeout[] = [];
  let fail: (error: Error) => void = () => {};
  const failed = new Promise<never>((_resolve, reject) => {
    fail = reject;
  });
  failed.catch(() => {});

  return {
    failed,
    asked: () => asked,
    stop() {
      if (asked || over) return;
      asked = true;
      killGroup(pid, 'SIGTERM');
      timers.push(setTimeout(() => killGroup(pid, 'SIGKILL'), killAfterMs));
      timers.push(
        setTimeout(
          () => fail(new Error(`${path} (process ${pid}) does not end although it was killed`)),
          killAfterMs + UNKILLABLE_AFTER_MS,
        ),
      );
    },
    /** The main process is gone: what it left behind goes too, the lifeline among it. */
    finish() {
      over = true;
      for (const timer of timers) clearTimeout(timer);
      killGroup(pid, 'SIGKILL');
    },
  };
}

function killGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch (error) {
    // ESRCH: nobody is left. EPERM: on macOS, only zombies are left.
    const code = (error as NodeJS.ErrnoException).code;
    if (code !== 'ESRCH' && code !== 'EPERM') throw error;
  }
}
