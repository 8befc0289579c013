import { mkdir, symlink } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
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

/**
 * Compresses stdin to stdout as `skewer -z` has it done: smaller files than those of `compressStream`, for some ten times the CPU time. Of the
 * same reads it makes the same bytes as release 3.7.3.
 */
export function compressStreamSmaller(): ToolCommand {
  return { argv: ['gzip', '--rsyncable', '--no-name', '--stdout'] };
}

/**
 * The same command in an environment where `gzip` is igzip, which unpacks in a quarter of the time: for programs that call gunzip, a script
 * around gzip, to read their input. Without igzip the command as it is. `folder` gets the link.
 */
export async function withFastGunzip(command: ToolCommand, folder: string): Promise<ToolCommand> {
  const { PATH = '' } = toolEnvironment(command.env);
  const igzip = findProgram('igzip', { PATH });
  if (igzip === undefined) return command;
  const bin = join(folder, 'bin');
  await mkdir(bin);
  await symlink(igzip, join(bin, 'gzip'));
  return { ...command, env: { ...command.env, PATH: [bin, PATH].join(delimiter) } };
}
