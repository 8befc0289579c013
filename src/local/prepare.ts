import { type Logger, pino } from 'pino';
import { checkoutCache } from './install/cache.js';
import { ensureTools } from './install/tools.js';
import { findMongo } from './servers/mongo/programs.js';
import { findTemporal } from './servers/temporal/programs.js';

/**
 * Finds or installs all that a server and the tests need, at the same time, without starting anything.
 * Throws `LocalError`.
 */
export async function prepareMachine(options: { cachePath?: string; say(line: string): void }): Promise<void> {
  const logger = plainLogger(options.say);
  const setting = { cachePath: options.cachePath ?? checkoutCache(), logger };
  const outcomes = await Promise.allSettled([findMongo(setting), findTemporal(setting), ensureTools(setting)]);
  for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
}

/** A logger for people: the sentence only, without fields. */
export function plainLogger(say: (line: string) => void): Logger {
  return pino(
    { level: 'info', base: null, timestamp: false },
    { write: (line: string) => say(String((JSON.parse(line) as { msg?: unknown }).msg ?? '')) },
  );
}
