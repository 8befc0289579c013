import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import type { ToolCommand } from '../../src/tools/command.js';

/**
 * A new folder that is deleted at the end of the block that declares it with `await using`. Processes that noted their ids
 * in its file `pids` and still live, because the test failed, are ended.
 */
export async function tempFolder(): Promise<{ path: string } & AsyncDisposable> {
  const path = await mkdtemp(join(tmpdir(), 'tools-test-'));
  return {
    path,
    async [Symbol.asyncDispose]() {
      for (const pid of living(pidsIn(join(path, 'pids')))) process.kill(pid, 'SIGKILL');
      await rm(path, { recursive: true, force: true, maxRetries: 3 });
    },
  };
}

/** A small data file of the repository. */
export function dataFile(name: string): string {
  return fileURLToPath(new URL(`../data/${name}`, import.meta.url));
}

/** An executable shell script in `folder`. */
export async function script(folder: string, name: string, text: string): Promise<ToolCommand> {
  const path = join(folder, name);
  await writeFile(path, `#!/bin/sh\n${text}\n`);
  await chmod(path, 0o755);
  return { argv: [path] };
}

const LONGEST_WAIT_MS = 15_000;

/** Waits until the condition holds; throws after 15 s, before the test's own limit, so that disposers still run. */
export async function until(condition: () => boolean): Promise<void> {
  const limit = Date.now() + LONGEST_WAIT_MS;
  while (!condition()) {
    if (Date.now() > limit) throw new Error(`Still not so after ${LONGEST_WAIT_MS} ms: ${condition}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** The process ids that were written to a file, one a line; empty while there is no file. */
export function pidsIn(path: string): number[] {
  return existsSync(path) ? readFileSync(path, 'utf8').trim().split('\n').filter(Boolean).map(Number) : [];
}

/** Those of the processes that still live; zombies do not. */
export function living(pids: readonly number[]): number[] {
  return pids.filter((pid) => {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
      return !'ZX'.includes(stat.charAt(stat.lastIndexOf(')') + 2));
    } catch {
      return false;
    }
  });
}

/** SHA-256 of a file, of its content when it is gzipped. */
export async function sha256(path: string): Promise<string> {
  const bytes = await readFile(path);
  const content = path.endsWith('.gz') ? gunzipSync(bytes) : bytes;
  return createHash('sha256').update(content).digest('hex');
}

/** Unpacks a gzipped data file. */
export async function unpacked(from: string, to: string): Promise<string> {
  await writeFile(to, gunzipSync(await readFile(from)));
  return to;
}
