import type { ToolCommand } from './command.js';
import { findProgram, toolEnvironment } from './programs.js';

/**
 * Compresses stdin to stdout on one core, quickly: `igzip` where it is installed, else `pigz` at its fastest level. Name and time stay out, so
 * that the same input gives the same bytes.
 */
export function compressStream(hasIgzip = findProgram('igzip', toolEnvironment()) !== undefined): ToolCommand {
  if (hasIgzip) return { argv: ['igzip', '-1', '--no-name', '--stdout'] };
  return { argv: ['pigz', '--fast', '--no-name', '--no-time', '-p', '1', '--stdout'] };
}
