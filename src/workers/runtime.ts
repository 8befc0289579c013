import { setTimeout as sleep } from 'node:timers/promises';
import {
  type LogLevel,
  type LogMetadata,
  NativeConnection,
  Runtime,
  type Logger as TemporalLogger,
} from '@temporalio/worker';
import type { Logger } from '../log.js';

const LONGEST_WAIT_MS = 5_000;

/** Prepares the process for workers: once, before anything else of the SDK. Its log goes into ours. */
export function installRuntime(log: Logger): void {
  Runtime.install({
    logger: adaptLogger(log),
    shutdownSignals: [],
    workerHeartbeatInterval: '30s',
    telemetryOptions: { logging: { filter: { core: 'WARN', other: 'ERROR' }, forward: {} } },
  });
}

/** Connects to Temporal, again and again until it answers or the signal says stop. */
export async function connectWorker(address: string, signal: AbortSignal, log: Logger): Promise<NativeConnection> {
  for (let wait = 100; ; wait = Math.min(wait * 2, LONGEST_WAIT_MS)) {
    try {
      return await NativeConnection.connect({ address });
    } catch (err) {
      signal.throwIfAborted();
      log.warn({ err, address }, 'Temporal does not answer, trying again');
      await sleep(wait, undefined, { signal });
    }
  }
}

// A task that cannot start is logged with its whole input, which is not for logs.
const HIDDEN = ['taskToken', 'task', 'taskEncoded'];

/** Our logger in the form that the SDK asks for. */
export function adaptLogger(log: Logger): TemporalLogger {
  const write = (level: 'trace' | 'debug' | 'info' | 'warn' | 'error') => (message: string, meta?: LogMetadata) => {
    const { error, ...rest } = Object.fromEntries(Object.entries(meta ?? {}).filter(([key]) => !HIDDEN.includes(key)));
    log[level]({ ...rest, ...(error === undefined ? {} : { err: error }) }, message);
  };
  const levels = { TRACE: 'trace', DEBUG: 'debug', INFO: 'info', WARN: 'warn', ERROR: 'error' } as const;
  return {
    log: (level: LogLevel, message: string, meta?: LogMetadata) => write(levels[level])(message, meta),
    trace: write('trace'),
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
  };
}
