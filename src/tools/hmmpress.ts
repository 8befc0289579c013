import type { ToolCommand } from './command.js';

/**
 * Makes the binary forms of profiles beside their file: `<profiles>.h3m`, `.h3i`, `.h3f` and `.h3p`. Replaces what is
 * there. Fails on a profile that it cannot read and on two of the same name.
 */
export function pressProfiles(profiles: string): ToolCommand {
  return { argv: ['hmmpress', '-f', profiles] };
}
