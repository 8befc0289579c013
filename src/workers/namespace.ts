import type { Connection } from '@temporalio/client';
import { SEARCH_ATTRIBUTES } from '../contracts/workflow_starts.js';

const KEYWORD = 2;
const RETENTION_DAYS = 30;

/** Makes sure that the search attributes of job workflows exist; a start with an unknown one would be refused. */
export async function ensureSearchAttributes(connection: Connection, namespace: string): Promise<void> {
  const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace });
  const missing = SEARCH_ATTRIBUTES.filter((name) => !Object.hasOwn(customAttributes ?? {}, name));
  if (missing.length === 0) return;
  await connection.operatorService.addSearchAttributes({
    namespace,
    searchAttributes: Object.fromEntries(missing.map((name) => [name, KEYWORD])),
  });
}

/** Keeps closed workflows for 30 days, so that an operator can look into a job of last week; never shortens. */
export async function ensureRetention(connection: Connection, namespace: string): Promise<void> {
  const { config } = await connection.workflowService.describeNamespace({ namespace });
  const seconds = RETENTION_DAYS * 24 * 3600;
  if (Number(config?.workflowExecutionRetentionTtl?.seconds ?? 0) >= seconds) return;
  await connection.workflowService.updateNamespace({
    namespace,
    config: { workflowExecutionRetentionTtl: { seconds: seconds as never } },
  });
}
