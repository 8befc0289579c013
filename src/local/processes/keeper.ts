import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import { reasonOf } from '../errors.js';
import { launchProcess, type OwnedProcess, type ProcessHome, type ProcessSpec } from './process.js';
import { describeExit, type ProcessExit, StartFailed } from './start_failed.js';

/** What happens to one of our processes. */
export type ProcessEvent = {
  name: string;
  state: 'starting' | 'ready' | 'died' | 'stopped';
  pid?: number;
  detail?: string;
};

/** Logs an event and passes it on. */
export function announce(
  event: ProcessEvent,
  to: { logger: Logger; onEvent?: ((event: ProcessEvent) => void) | undefined },
): void {
  if (event.state === 'died')
    to.logger.error(event, `${event.name} died (${event.detail ?? 'no reason known'}), it is started again`);
  else to.logger.debug(event, `process ${event.state}`);
  to.onEvent?.(event);
}

/** A process that is started again whenever it dies. */
export type Keeper = {
  name: string;
  /** The process of the moment; undefined between two. */
  pid(): number | undefined;
  /** Ends it for good; SIGKILL follows SIGTERM after the spec's own limit. */
  stop(): Promise<void>;
  /** SIGKILL now, without waiting. */
  kill(): void;
};

const BACKOFF_FIRST_MS = 200;
const BACKOFF_MAX_MS = 5_000;
const STABLE_MS = 30_000;
/** A start that was late gets twice the time, up to so many times its first limit. */
const MOST_PATIENCE = 8;

/** Waits for the end of a process, and kills it when it no longer does its work. */
async function untilExit({ alive }: ProcessSpec, running: OwnedProcess): Promise<ProcessExit> {
  const ended = new AbortController();
  const watch = async () => {
    if (!alive) return;
    const next = () => pause(alive.everyMs, ended.signal);
    let missed = 0;
    for (await next(); !ended.signal.aborted; await next()) {
      missed = (await alive.ask()) ? 0 : missed + 1;
      if (missed === alive.misses && !ended.signal.aborted) return running.kill();
    }
  };
  // Nobody waits for it: a question to a program that has just died may take its time.
  void watch();
  const exit = await running.exited;
  ended.abort();
  return exit;
}

/** What a keeper tells, and what it does when the process is back. */
export type KeeperHooks = { onEvent(event: ProcessEvent): void; afterRestart?(): Promise<void> };

/**
 * Starts a process and keeps it running. Each start is tried again, after 0.2 s and then ever longer up to 5 s; `afterRestart` runs
 * when the process is ready again.
 *
 * @throws StartFailed when the first start fails for a reason that does not pass, and the reason of `firstStart` when that signal
 * ends the tries before one went well; then nothing is left running.
 */
export async function keepRunning(
  spec: ProcessSpec,
  home: ProcessHome,
  hooks: KeeperHooks,
  firstStart?: AbortSignal,
): Promise<Keeper> {
  const stopping = new AbortController();
  const { name } = spec;
  let current: OwnedProcess | undefined;
  let patience = 1;

  const start = async (signal: AbortSignal): Promise<OwnedProcess> => {
    hooks.onEvent({ name, state: 'starting' });
    const launched = launchProcess({ ...spec, readyLimitMs: spec.readyLimitMs * patience }, home);
    current = launched;
    try {
      await launched.untilReady(signal);
    } catch (error) {
      current = undefined;
      if (error instanceof StartFailed && error.failure === 'late') patience = Math.min(patience * 2, MOST_PATIENCE);
      throw error;
    }
    hooks.onEvent({ name, state: 'ready', pid: launched.pid });
    return launched;
  };

  const startFirst = async (signal: AbortSignal): Promise<OwnedProcess> => {
    for (let waitMs = BACKOFF_FIRST_MS; ; waitMs = longer(waitMs)) {
      try {
        return await start(signal);
      } catch (error) {
        signal.throwIfAborted();
        if (!(error instanceof StartFailed) || error.failure === 'lasting') throw error;
        hooks.onEvent({ name, state: 'died', detail: reasonOf(error) });
      }
      await pause(waitMs, signal);
      signal.throwIfAborted();
    }
  };

  const watch = async (first: OwnedProcess): Promise<void> => {
    let running: OwnedProcess | undefined = first;
    let waitMs = BACKOFF_FIRST_MS;
    while (!stopping.signal.aborted) {
      const since = Date.now();
      if (running) {
        const exit = await untilExit(spec, running);
        current = undefined;
        if (stopping.signal.aborted) return;
        hooks.onEvent({ name, state: 'died', pid: running.pid, detail: `${describeExit(exit)}: ${running.tail(1)}` });
        if (Date.now() - since > STABLE_MS) waitMs = BACKOFF_FIRST_MS;
      }
      await pause(waitMs, stopping.signal);
      waitMs = longer(waitMs);
      running = await startAgain();
    }
  };

  const startAgain = async (): Promise<OwnedProcess | undefined> => {
    if (stopping.signal.aborted) return undefined;
    try {
      const started = await start(stopping.signal);
      await Promise.race([hooks.afterRestart?.(), aborted(stopping.signal)]);
      return started;
    } catch (error) {
      // What ran once can run again, so no reason lasts any more.
      if (!stopping.signal.aborted) hooks.onEvent({ name, state: 'died', detail: reasonOf(error) });
      // Its own process may well run when only the hook failed.
      return current;
    }
  };

  const watched = watch(await startFirst(firstStart ?? stopping.signal));
  return {
    name,
    pid: () => current?.pid,
    kill: () => current?.kill(),
    async stop() {
      stopping.abort(new Error('stopping'));
      await current?.stop();
      await watched;
      hooks.onEvent({ name, state: 'stopped' });
    },
  };
}

function longer(waitMs: number): number {
  return Math.min(waitMs * 2, BACKOFF_MAX_MS);
}

async function pause(limitMs: number, signal: AbortSignal): Promise<void> {
  await delay(limitMs, undefined, { signal }).catch(() => undefined);
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
