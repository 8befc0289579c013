import type { Config } from '../config.js';
import { createLogger } from '../log.js';
import { ensureIndexes } from '../store/indexes.js';
import { aborted, announceReady, openStore, requireAddress, untilSignal } from './shared.js';

/** Runs the API process until it is told to stop; gives the exit code. */
export async function runApi(config: Config): Promise<number> {
  const log = createLogger('api', { verbose: config.verbose });
  const signal = untilSignal();
  const { startApi } = await import('../api/server.js');
  const { createWorkflows } = await import('../api/workflows.js');
  const { serverVersion } = await import('../api/version.js');
  const { database, data, store } = await openStore(config, log, signal);
  if (!config.no_db_checks) await ensureIndexes(database);
  const workflows = createWorkflows({
    address: requireAddress(config, 'temporal_address'),
    namespace: config.temporal_namespace,
    log,
  });
  const version = serverVersion(config.force_version);
  const server = await startApi({ config, store, files: data, workflows, log, version });
  announceReady(log, { listening: server.url });
  await aborted(signal);
  await server.stop();
  await database.close();
  return 0;
}
