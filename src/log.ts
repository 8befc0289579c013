import pino, { type Logger } from 'pino';
import pretty from 'pino-pretty';

export type { Logger } from 'pino';

/** Paths that never reach a log line. */
const SECRETS = [
  'password',
  'token',
  'key',
  'authorization',
  'cookie',
  '*.password',
  '*.token',
  '*.authorization',
  '*.cookie',
];

/**
 * Creates the process's logger: JSON lines when stdout is not a terminal, else readable ones.
 * Fields come first, a stable sentence second. `name` tells the process, for example `api`.
 */
export function createLogger(
  name: string,
  options: { verbose?: boolean; pretty?: boolean; level?: string } = {},
): Logger {
  const level = options.level ?? (options.verbose ? 'debug' : 'info');
  const settings = { name, level, redact: { paths: SECRETS, censor: '[removed]' } };
  const readable = options.pretty ?? process.stdout.isTTY === true;
  return readable ? pino(settings, pretty({ ignore: 'pid,hostname', sync: true })) : pino(settings);
}
