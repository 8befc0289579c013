import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT, SetupError } from './steps.mjs';

const FILES = { conformance: 'test/conformance/run.ts', bench: 'bench/run.ts' };

/** Runs a tool that is written in TypeScript but no part of the build. Its `main(args)` resolves with the exit code. */
export async function runTool(name, args) {
  const file = join(ROOT, FILES[name]);
  if (!existsSync(file)) throw new SetupError(`${FILES[name]} does not exist`);
  const { createServer } = await import('vite');
  // Node 20 runs no TypeScript. This server listens nowhere; it translates files as they are imported.
  const vite = await createServer({
    root: ROOT,
    configFile: false,
    logLevel: 'error',
    appType: 'custom',
    optimizeDeps: { noDiscovery: true },
    server: { middlewareMode: true, ws: false, watch: null, hmr: false },
  });
  try {
    const { main } = await vite.environments.ssr.runner.import(file);
    return await main(args);
  } catch (error) {
    if (!String(error.code).startsWith('ERR_PARSE_ARGS')) throw error;
    console.error(`${error.message.split('. ')[0]}. See: npm run ${name} -- --help`);
    return 2;
  } finally {
    await vite.close();
  }
}
