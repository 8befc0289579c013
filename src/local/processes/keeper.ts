import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import { reasonOf } from '../errors.js';
import {
  describeExit,
  type OwnedProcess,
  type ProcessExit,
  type ProcessHome,
  type ProcessSpec,
  startProcess,
} from './process.js';

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

/** Waits for the end of a process, and kills it when it no longer does its work. */
async function untilExit({ alive }: ProcessSpec, running: OwnedProcess): Promise<ProcessExit> {
  const ended = new AbortController();
  const pause = () => delay(alive?.everyMs, undefined, { signal: ended.signal }).catch(() => undefined);
  const watch = async () => {
    if (!alive) return;
    let missed = 0;
    for (await pause(); !ended.signal.aborted; await pause()) {
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

/**
 * Starts a process and keeps it running. The first start is the caller's to judge: its failure is thrown.
 * Later ones are tried again, after 0.2 s and then ever longer up to 5 s; `afterRestart` runs when one is ready.
 */
export async function keepRunning(
  spec: ProcessSpec,
  home: ProcessHome,
  hooks: { onEvent(event: ProcessEvent): void; afterRestart?(): Promise<void> },
): Promise<Keeper> {
  const stopping = new AbortController();
  const { name } = spec;
  let current: OwnedProcess | undefined;

  const start = async (): Promise<OwnedProcess> => {
    hooks.onEvent({ name, state: 'starting' });
    current = await startProcess(spec, home, stopping.signal);
    hooks.onEvent({ name, state: 'ready', pid: current.pid });
    return current;
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
      await delay(waitMs, undefined, { signal: stopping.signal }).catch(() => undefined);
      waitMs = Math.min(waitMs * 2, BACKOFF_MAX_MS);
      running = await startAgain();
    }
  };

  const startAgain = async (): Promise<OwnedProcess | undefined> => {
    if (stopping.signal.aborted) return undefined;
    try {
      const started = await start();
      await hooks.afterRestart?.();
      return started;
    } catch (error) {
      if (!stopping.signal.aborted) hooks.onEvent({ name, state: 'died', detail: reasonOf(error) });
      // Its own process may well run when only the hook failed.
      return current;
    }
  };

  const watched = watch(await start());
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
