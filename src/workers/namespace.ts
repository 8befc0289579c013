import { type Client, type Connection, ScheduleAlreadyRunning } from '@temporalio/client';
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

/** Marks the owner: a schedule that never fires. Its creation succeeds for one of several that try at once, and it stays. */
export const OWNER = 'virtool-installation';

/** A namespace of Temporal belongs to another installation. */
export class ForeignNamespace extends Error {
  override name = 'ForeignNamespace';
  constructor(readonly namespace: string) {
    super(`The Temporal namespace ${namespace} belongs to another installation of Virtool`);
  }
}

/**
 * Takes the namespace for this installation, or finds that it has it. The first one that starts gets it; so does one whose jobs an older
 * release has put there.
 *
 * @throws ForeignNamespace when another installation has it: each would end the other's jobs, whose documents it does not know.
 */
export async function claimNamespace(client: Client, installation: string): Promise<void> {
  const memo = { installation, title: 'Marks the installation that this namespace belongs to' };
  const action = { type: 'startWorkflow' as const, workflowType: 'none', taskQueue: OWNER };
  try {
    const state = { paused: true, note: memo.title };
    await client.schedule.create({ scheduleId: OWNER, spec: {}, action, state, memo });
  } catch (error) {
    if (!(error instanceof ScheduleAlreadyRunning)) throw error;
    const { memo: found } = await client.schedule.getHandle(OWNER).describe();
    if (found?.installation !== installation) throw new ForeignNamespace(client.options.namespace);
  }
}
