import { ConfigError } from '../config.js';
import { EXIT_UNUSABLE, LocalError } from '../local/index.js';

const NO_RIGHTS = ['EACCES', 'EPERM', 'EROFS'];

/** What is wrong and what to do, for a terminal. */
export function explainFault(error: unknown): string {
  if (error instanceof LocalError) return error.text();
  return error instanceof Error ? error.message : String(error);
}

/**
 * The exit code of a command that failed. API and workers tell whoever starts them again that this is of no use before somebody changes
 * something; everything else is 1.
 */
export function exitCodeOf(error: unknown, command = ''): number {
  const isPart = command === 'api' || command === 'worker';
  return isPart && isLasting(error) ? EXIT_UNUSABLE : 1;
}

function isLasting(error: unknown): boolean {
  if (error instanceof ConfigError || error instanceof LocalError) return true;
  return NO_RIGHTS.includes((error as NodeJS.ErrnoException | undefined)?.code ?? '');
}
