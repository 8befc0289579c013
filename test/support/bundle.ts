import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode } from '@temporalio/worker';

/** Where the bundled workflow code is, or why there is none. */
export type WorkflowBundle = { path: string } | { error: string };

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const ENTRY = join(ROOT, 'src', 'workflows', 'index.ts');
const FOLDER = join(ROOT, '.local', 'test-bundles');
const KEEP_MS = 24 * 60 * 60_000;
const SILENT = { log() {}, trace() {}, debug() {}, info() {}, warn() {}, error() {} };

/** Bundles `src/workflows` once per content; a failure is reported to the tests that need the bundle. */
export async function bundleWorkflows(): Promise<WorkflowBundle> {
  if (!existsSync(ENTRY)) return { error: `${ENTRY} does not exist` };
  const path = join(FOLDER, `${sourceHash()}.js`);
  if (existsSync(path)) return { path };
  try {
    const { code } = await bundleWorkflowCode({ workflowsPath: ENTRY, logger: SILENT });
    removeOld();
    writeFileSync(`${path}.${process.pid}`, code);
    renameSync(`${path}.${process.pid}`, path);
    return { path };
  } catch (error) {
    return { error: error instanceof Error ? error.message : String(error) };
  }
}

function sourceHash(): string {
  const hash = createHash('sha256').update(readFileSync(join(ROOT, 'package-lock.json')));
  for (const room of ['workflows', 'contracts']) {
    const folder = join(ROOT, 'src', room);
    for (const file of readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort()) {
      if (file.endsWith('.ts')) hash.update(`${room}/${file}\0`).update(readFileSync(join(folder, file)));
    }
  }
  return hash.digest('hex').slice(0, 20);
}

function removeOld(): void {
  mkdirSync(FOLDER, { recursive: true });
  for (const file of readdirSync(FOLDER)) {
    const path = join(FOLDER, file);
    if (Date.now() - (statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Number.NaN) > KEEP_MS)
      rmSync(path, { force: true });
  }
}
