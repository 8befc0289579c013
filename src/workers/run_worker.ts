import type { Worker } from '@temporalio/worker';
import type { Logger } from '../log.js';

/** What every worker process is started with. */
export type WorkerOptions = {
  /** Temporal's address, host:port. */
  address: string;
  namespace: string;
  /** The id of this installation. */
  installation: string;
  /** Ends the wait for a Temporal that does not answer. */
  signal: AbortSignal;
  log: Logger;
};

/** Workers that run. */
export type RunningWorker = {
  /** Settles when all workers have ended; rejects when one ended by a fault. */
  done: Promise<void>;
  /** Stops polling, cancels what runs with the chance to clean up, and closes the connections. */
  stop(): Promise<void>;
};

/** Runs the workers until one fails or `stop` is called; then `close` is called once. */
export function runWorker(workers: readonly Worker[], close: () => Promise<void>): RunningWorker {
  const shutDown = () => {
    for (const worker of workers) if (worker.getState() === 'RUNNING') worker.shutdown();
  };
  const runs = workers.map((worker) =>
    worker.run().catch((error: unknown) => {
      shutDown();
      throw error;
    }),
  );
  const done = Promise.allSettled(runs).then(async (results) => {
    await close();
    const failed = results.find((result) => result.status === 'rejected');
    if (failed) throw failed.reason;
  });
  done.catch(() => undefined);
  return {
    done,
    stop: () => {
      shutDown();
      return done;
    },
  };
}
