import { chmodSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pino } from 'pino';
import { vi } from 'vitest';
import { testFolder } from '../support/folders.js';

/** A logger that keeps its sentences. */
export function listener() {
  const lines: string[] = [];
  const logger = pino({}, { write: (line: string) => void lines.push((JSON.parse(line) as { msg: string }).msg) });
  return { logger, lines };
}

/** A program in a folder, as a script of the shell. */
export function writeProgram(folder: string, name: string, script: string): string {
  const path = join(folder, name);
  writeFileSync(path, `#!/bin/sh\n${script}\n`);
  chmodSync(path, 0o755);
  return path;
}

/** A folder that is the whole PATH until the environment is put back. */
export function onlyOnPath(): string {
  const folder = testFolder();
  symlinkSync('/bin/sh', join(folder, 'sh'));
  vi.stubEnv('PATH', folder);
  return folder;
}
