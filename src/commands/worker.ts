import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { fileURLToPath } from 'node:url';
import type { ActivityDeps } from '../activities/deps.js';
import { repairLeftovers } from '../activities/upkeep/start_up.js';
import { serverVersion } from '../api/version.js';
import type { Config } from '../config.js';
import type { DataDirectory } from '../files/data_directory.js';
import { startWatchFolder } from '../files/watch_folder.js';
import { controlElsewhere, LocalError, machineName, takeControl, takeToolQueue } from '../local/index.js';
import { createLogger } from '../log.js';
import type { Database } from '../store/database/database.js';
import { ensureIndexes } from '../store/database/indexes.js';
import { takeLease } from '../store/database/lease.js';
import type { Limits } from '../workers/budget.js';
import { hostQueueName } from '../workers/host_queue.js';
import { ForeignNamespace } from '../workers/namespace.js';
import type { RunningWorker, WorkerOptions } from '../workers/run_worker.js';
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
  // Before anything is put in order or taken up, which must not be another living worker's.
  const role = await takeRole(kind, { database, data }, signal);
  if (kind === 'control' && !config.no_db_checks) {
    await ensureIndexes(database);
    await repairLeftovers(deps);
  }
  const options = {
    address: requireAddress(config, 'temporal_address'),
    namespace: config.temporal_namespace,
    installation: await store.status.installationId(),
    signal,
    log,
  };
  const worker = await startWorker(kind, deps, config, options).catch((error: unknown) => {
    throw error instanceof ForeignNamespace ? foreignNamespace(error) : error;
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
    await Promise.race([worker.done, aborted(signal), aborted(role.lost)]);
    if (role.lost.aborted) log.error({ err: role.lost.reason }, 'another control worker is there: this one ends');
    await worker.stop();
    return role.lost.aborted ? 1 : 0;
  } finally {
    await watch?.stop();
    await role.release();
    await database.close();
  }
}

/** What only one worker of its kind may have: of the host, or of all hosts. */
type Role = { lost: AbortSignal; release(): Promise<void> };

async function takeRole(
  kind: WorkerKind,
  { database, data }: { database: Database; data: DataDirectory },
  signal: AbortSignal,
): Promise<Role> {
  if (kind === 'tools') {
    const queue = await takeToolQueue(data.root, hostQueueName(data.root));
    return { lost: new AbortController().signal, release: async () => queue.release() };
  }
  const lock = await takeControl(data.root);
  // The lock is worth nothing between hosts that share a file system.
  const holder = { id: randomUUID(), machine: `${machineName()} ${data.root}`, host: hostname(), pid: process.pid };
  const taken = await takeLease(database, 'control_worker', holder, signal);
  if ('holder' in taken) throw controlElsewhere(taken.holder.host, taken.holder.pid);
  const { lease } = taken;
  return {
    lost: lease.lost,
    async release() {
      // Not released, it ends by itself.
      await lease.release().catch(() => undefined);
      lock.release();
    },
  };
}

async function startWorker(
  kind: WorkerKind,
  deps: ActivityDeps,
  config: Config,
  options: WorkerOptions,
): Promise<RunningWorker> {
  if (kind === 'tools') {
    const { startToolWorker } = await import('../workers/tool_worker.js');
    return startToolWorker(deps, { ...options, limits: limitsOf(config) });
  }
  const { startControlWorker } = await import('../workers/control_worker.js');
  const more = { workflowBundlePath: BUNDLE, refreshing: !config.no_refreshing };
  return startControlWorker({ ...deps, remote: createRemote(config) }, { ...options, ...more });
}

function foreignNamespace({ message, namespace }: ForeignNamespace): LocalError {
  return new LocalError(message, [
    'Each would end the jobs of the other. Give this one a namespace of its own (--temporal-namespace).',
    `If the other one is gone for good, delete the schedule virtool-installation in the namespace ${namespace}, then start again.`,
    "With the server's own Temporal, whose database was made for other documents, move <data>/temporal away instead.",
  ]);
}

/** The limits of this host's budget. */
export function limitsOf(config: Config): Limits {
  return {
    host: { proc: config.proc, mem: config.mem },
    large: { proc: config.lg_proc, mem: config.lg_mem },
    small: { proc: config.sm_proc, mem: config.sm_mem },
  };
}
