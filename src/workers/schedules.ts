import { createHash } from 'node:crypto';
import { type Client, ScheduleAlreadyRunning, ScheduleOverlapPolicy } from '@temporalio/client';
import { HOUSEKEEPING, type HousekeepingKind } from '../contracts/housekeeping.js';
import { QUEUES } from '../contracts/jobs.js';

const PREFIX = 'virtool-';

/**
 * Brings the schedules in Temporal in line with the code: creates, updates and removes. An administrator's pause survives.
 */
export async function upsertSchedules(client: Client): Promise<void> {
  for (const kind of Object.keys(HOUSEKEEPING) as HousekeepingKind[]) await upsert(client, kind);
  for await (const schedule of client.schedule.list()) {
    const kind = schedule.scheduleId.slice(PREFIX.length);
    const isOurs = schedule.scheduleId.startsWith(PREFIX);
    if (isOurs && !Object.hasOwn(HOUSEKEEPING, kind)) await client.schedule.getHandle(schedule.scheduleId).delete();
  }
}

async function upsert(client: Client, kind: HousekeepingKind): Promise<void> {
  const { cron, title } = HOUSEKEEPING[kind];
  const hash = createHash('sha256')
    .update(JSON.stringify([cron, title]))
    .digest('hex')
    .slice(0, 12);
  const scheduleId = `${PREFIX}${kind}`;
  const spec = { cronExpressions: [cron] };
  const action = {
    type: 'startWorkflow' as const,
    workflowType: 'housekeeping',
    workflowId: scheduleId,
    taskQueue: QUEUES.control,
    args: [kind, hash],
    workflowRunTimeout: '15 minutes' as const,
  };
  const policies = { overlap: ScheduleOverlapPolicy.SKIP, catchupWindow: '1 minute' as const };
  try {
    await client.schedule.create({ scheduleId, spec, action, policies, memo: { title } });
  } catch (error) {
    if (!(error instanceof ScheduleAlreadyRunning)) throw error;
    const handle = client.schedule.getHandle(scheduleId);
    const current = await handle.describe();
    if (current.action.args?.[1] === hash) return;
    await handle.update((previous) => ({ ...previous, spec, action, policies: { ...previous.policies, ...policies } }));
  }
}
