import { setTimeout as sleep } from 'node:timers/promises';
import { Client, Connection } from '@temporalio/client';
import { NativeConnection } from '@temporalio/worker';
import { ensureSearchAttributes } from '../../src/workers/namespace.js';
import { installRuntime } from '../../src/workers/runtime.js';
import { quietLogger } from './logger.js';
import { temporalAddress, uniqueName } from './servers.js';

/** A Temporal namespace of its own, so that the queues of one test file are its own too. */
export type TestNamespace = {
  address: string;
  namespace: string;
  client: Client;
  native: NativeConnection;
  dispose(): Promise<void>;
};

/** Registers a fresh namespace with the search attributes of job workflows and waits until it can be used. */
export async function testNamespace(): Promise<TestNamespace> {
  installRuntime(quietLogger);
  const address = temporalAddress();
  const namespace = uniqueName('test').replaceAll('_', '-');
  const connection = await Connection.connect({ address });
  await connection.workflowService.registerNamespace({
    namespace,
    workflowExecutionRetentionPeriod: { seconds: 86_400 as never },
  });
  const client = new Client({ connection, namespace });
  await untilUsable(client);
  await ensureSearchAttributes(connection, namespace);
  const native = await NativeConnection.connect({ address });
  return {
    address,
    namespace,
    client,
    native,
    async dispose() {
      await native.close();
      await connection.close();
    },
  };
}

// The server learns of a new namespace after a moment; until then it says NOT_FOUND.
async function untilUsable(client: Client): Promise<void> {
  for (let tries = 0; ; tries += 1) {
    try {
      await client.workflow.count();
      await client.connection.operatorService?.listSearchAttributes({ namespace: client.options.namespace });
      return;
    } catch (error) {
      if (tries > 300) throw error;
      await sleep(50);
    }
  }
}
