import { createHash } from 'node:crypto';
import { type Client, ScheduleAlreadyRunning, ScheduleOverlapPolicy } from '@temporalio/client';
import { HOUSEKEEPING, type HousekeepingKind } from '../contracts/housekeeping.js';
import { QUEUES } from '../contracts/jobs.js';
import { OWNER } from './namespace.js';

const PREFIX = 'virtool-';

/**
 * Brings the schedules in Temporal in line with the code: creates, updates and removes. An administrator's pause survives.
 * Those that ask services outside are there only with `refreshing`, and then do a first round at once.
 */
export async function upsertSchedules(client: Client, { refreshing }: { refreshing: boolean }): Promise<void> {
  const isWanted = (kind: HousekeepingKind) => refreshing || !isRemote(kind);
  const wanted = (Object.keys(HOUSEKEEPING) as HousekeepingKind[]).filter(isWanted);
  for (const kind of wanted) await upsert(client, kind);
  const ids = new Set([...wanted.map(scheduleIdOf), OWNER]);
  for await (const { scheduleId } of client.schedule.list()) {
    if (scheduleId.startsWith(PREFIX) && !ids.has(scheduleId)) await client.schedule.getHandle(scheduleId).delete();
  }
}

function isRemote(kind: HousekeepingKind): boolean {
  return 'remote' in HOUSEKEEPING[kind];
}

function scheduleIdOf(kind: HousekeepingKind): string {
  return `${PREFIX}${kind}`;
}

async function upsert(client: Client, kind: HousekeepingKind): Promise<void> {
  const { cron, title } = HOUSEKEEPING[kind];
  const hash = createHash('sha256')
    .update(JSON.stringify([cron, title]))
    .digest('hex')
    .slice(0, 12);
  const scheduleId = scheduleIdOf(kind);
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
  const state = { triggerImmediately: isRemote(kind) };
  try {
    await client.schedule.create({ scheduleId, spec, action, policies, state, memo: { title } });
  } catch (error) {
    if (!(error instanceof ScheduleAlreadyRunning)) throw error;
    const handle = client.schedule.getHandle(scheduleId);
    const current = await handle.describe();
    if (current.action.args?.[1] !== hash) {
      await handle.update((previous) => ({
        ...previous,
        spec,
        action,
        policies: { ...previous.policies, ...policies },
      }));
    }
    // A trigger runs paused schedules too.
    if (isRemote(kind) && !current.state.paused) await handle.trigger();
  }
}
