// Runs `main(args)` of a TypeScript module in a process of its own: node run_ts.mjs MODULE ARGS...
import { fileURLToPath } from 'node:url';
import { createServer } from 'vite';

const [module, ...args] = process.argv.slice(2);
const vite = await createServer({
  root: fileURLToPath(new URL('../..', import.meta.url)),
  configFile: false,
  logLevel: 'error',
  appType: 'custom',
  optimizeDeps: { noDiscovery: true },
  server: { middlewareMode: true, ws: false, watch: null, hmr: false },
});
const { main } = await vite.environments.ssr.runner.import(module);
try {
  process.exitCode = await main(args);
} finally {
  await vite.close();
}
