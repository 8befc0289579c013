import { Client, Connection, WorkflowExecutionAlreadyStartedError, WorkflowNotFoundError } from '@temporalio/client';
import { toStartOptions } from '../contracts/start_options.js';
import type { Logger } from '../log.js';
import type { Workflows } from './deps.js';

const CALL_LIMIT_MS = 1_000;
// Or the channel would wait up to two minutes before it tries a server again that was away.
const RECONNECT = { 'grpc.initial_reconnect_backoff_ms': 200, 'grpc.max_reconnect_backoff_ms': 2_000 };

/** The API's use of Temporal, to be closed at the end. */
export type ConnectedWorkflows = Workflows & { close(): Promise<void> };

/**
 * Starts and cancels workflows on a Temporal server that need not be there: what does not succeed within about a second
 * is logged and left to the reconciler, which finds it in the database.
 */
export function createWorkflows(options: { address: string; namespace: string; log: Logger }): ConnectedWorkflows {
  const { address, namespace, log } = options;
  const connection = Connection.lazy({ address, channelArgs: RECONNECT });
  const client = new Client({ connection, namespace });
  const running = new Set<Promise<unknown>>();

  const limited = <T>(call: () => Promise<T>): Promise<T> => {
    const promise = connection.withDeadline(Date.now() + CALL_LIMIT_MS, call);
    running.add(promise);
    const forget = () => running.delete(promise);
    promise.then(forget, forget);
    return promise;
  };

  return {
    async start(start) {
      try {
        await limited(() => client.workflow.start(start.workflowType, toStartOptions(start)));
      } catch (err) {
        if (err instanceof WorkflowExecutionAlreadyStartedError) return;
        log.warn({ err, workflowId: start.workflowId }, 'workflow not started, left to the reconciler');
      }
    },

    async cancel(workflowId) {
      try {
        await limited(() => client.workflow.getHandle(workflowId).cancel());
      } catch (err) {
        if (err instanceof WorkflowNotFoundError) return;
        log.warn({ err, workflowId }, 'workflow not cancelled, left to the reconciler');
      }
    },

    async isReachable() {
      try {
        await limited(() => connection.workflowService.describeNamespace({ namespace }));
        return true;
      } catch {
        // Asked again and again by supervisors, who are told; a line in the log each time would say nothing new.
        return false;
      }
    },

    async close() {
      // A channel that is closed while a call is being repeated throws from a timer.
      await Promise.allSettled(running);
      await connection.close();
    },
  };
}
