import type { Config } from '../config.js';
import { LocalError } from '../local/index.js';
import { createLogger } from '../log.js';
import { aborted, announceReady, createRemote, openStore, requireAddress, untilSignal } from './shared.js';

/** Runs the API process until it is told to stop; gives the exit code. */
export async function runApi(config: Config): Promise<number> {
  const log = createLogger('api', { verbose: config.verbose });
  const signal = untilSignal();
  const { ListenError, startApi } = await import('../api/server.js');
  const { createWorkflows } = await import('../api/workflows.js');
  const { serverVersion } = await import('../api/version.js');
  const { createSocketIdentity } = await import('../api/account/authentication.js');
  const { attachSockets } = await import('../api/dispatch/sockets.js');
  const { database, data, store } = await openStore(config, log, signal);
  const workflows = createWorkflows({
    address: requireAddress(config, 'temporal_address'),
    namespace: config.temporal_namespace,
    log,
  });
  const deps = {
    config,
    store,
    files: data,
    workflows,
    remote: createRemote(config),
    log,
    version: serverVersion(config),
  };
  const server = await startApi({
    deps,
    attach: async (http) => attachSockets(http, { ...deps, identity: createSocketIdentity(deps) }),
  }).catch((error: unknown) => {
    throw error instanceof ListenError ? new LocalError(error.message, [], { cause: error }) : error;
  });
  announceReady(log, { listening: server.url });
  await aborted(signal);
  await server.stop();
  await workflows.close();
  await database.close();
  return 0;
}
