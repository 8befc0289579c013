import { fileURLToPath } from 'node:url';
import { repairLeftovers } from '../activities/upkeep/start_up.js';
import { serverVersion } from '../api/version.js';
import type { Config } from '../config.js';
import { startWatchFolder } from '../files/watch_folder.js';
import { takeToolQueue } from '../local/index.js';
import { createLogger } from '../log.js';
import { ensureIndexes } from '../store/database/indexes.js';
import type { Limits } from '../workers/budget.js';
import { hostQueueName } from '../workers/host_queue.js';
import type { RunningWorker } from '../workers/run_worker.js';
import { installRuntime } from '../workers/runtime.js';
import { aborted, announceReady, createRemote, openStore, requireAddress, untilSignal } from './shared.js';

const BUNDLE = fileURLToPath(new URL('../workflow-bundle.js', import.meta.url));

/** Kinds of worker processes. */
export type WorkerKind = 'control' | 'tools';

/** Runs a worker process until it is told to stop; gives the exit code. */
export async function runWorkerProcess(kind: WorkerKind, config: Config): Promise<number> {
  const log = createLogger(`worker-${kind}`, { verbose: config.verbose });
  const signal = untilSignal();
  installRuntime(log);
  const { database, data, store } = await openStore(config, log, signal);
  const deps = { store, data, log, version: serverVersion(config) };
  if (kind === 'control' && !config.no_db_checks) {
    await ensureIndexes(database);
    await repairLeftovers(deps);
  }
  // It also takes up what Temporal believes to run on this host, which must not be another living worker's.
  const queue = kind === 'tools' ? await takeToolQueue(data.root, hostQueueName(data.root)) : undefined;
  const options = {
    address: requireAddress(config, 'temporal_address'),
    namespace: config.temporal_namespace,
    signal,
    log,
  };
  const worker: RunningWorker =
    kind === 'control'
      ? await (await import('../workers/control_worker.js')).startControlWorker(
          { ...deps, remote: createRemote(config) },
          {
            ...options,
            workflowBundlePath: BUNDLE,
            refreshing: !config.no_refreshing,
          },
        )
      : await (await import('../workers/tool_worker.js')).startToolWorker(deps, {
          ...options,
          limits: limitsOf(config),
        });
  const watch =
    kind === 'control' && !config.no_file_manager
      ? startWatchFolder({
          path: config.watch_path,
          data,
          files: store.files,
          log,
          signal,
          settleMs: config.watch_settle * 1_000,
        })
      : undefined;
  announceReady(log);
  try {
    await Promise.race([worker.done, aborted(signal)]);
    await worker.stop();
    return 0;
  } finally {
    await watch?.stop();
    await database.close();
    queue?.release();
  }
}

/** The limits of this host's budget. */
export function limitsOf(config: Config): Limits {
  return {
    host: { proc: config.proc, mem: config.mem },
    large: { proc: config.lg_proc, mem: config.lg_mem },
    small: { proc: config.sm_proc, mem: config.sm_mem },
  };
}
