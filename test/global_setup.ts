import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import type { TestProject } from 'vitest/node';
import { startServers } from '../src/local/index.js';
import { tryLock } from '../src/local/machine/lock.js';
import { bundleWorkflows, type WorkflowBundle } from './support/bundle.js';

declare module 'vitest' {
  export interface ProvidedContext {
    mongoUrl: string;
    temporalAddress: string;
    workflowBundle: WorkflowBundle;
    /** Removed after the run. */
    runFolder: string;
  }
}

const PREFIX = 'virtool-test-';

/** One MongoDB, one Temporal server and one workflow bundle for the whole run. */
export default async function setUp(project: TestProject): Promise<() => Promise<void>> {
  removeAbandoned();
  const runFolder = mkdtempSync(join(tmpdir(), PREFIX));
  const [servers, bundle] = await Promise.all([
    startServers({
      dataPath: runFolder,
      mongoUrl: process.env.VT_TEST_DB,
      temporalAddress: process.env.TEMPORAL_ADDRESS,
      durable: false,
      logger: pino({ level: process.env.VT_TEST_LOG ?? 'error' }),
    }),
    bundleWorkflows(),
  ]);
  project.provide('mongoUrl', servers.mongoUrl);
  project.provide('temporalAddress', servers.temporalAddress);
  project.provide('workflowBundle', bundle);
  project.provide('runFolder', runFolder);
  return async () => {
    await servers.stop();
    rmSync(runFolder, { recursive: true, force: true });
  };
}

// A run that was killed cannot remove its folder; its servers died with it.
function removeAbandoned(): void {
  for (const name of readdirSync(tmpdir())) {
    const folder = join(tmpdir(), name);
    if (!name.startsWith(PREFIX) || Date.now() - statSync(folder).mtimeMs < 60_000) continue;
    const attempt = tryLock(join(folder, 'run', 'supervisor.json'));
    if ('lock' in attempt) rmSync(folder, { recursive: true, force: true });
  }
}
