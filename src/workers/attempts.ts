import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ActivityNotFoundError, type Client } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import type { ActivityInterceptorsFactory } from '@temporalio/worker';
import type { Logger } from '../log.js';

const LINGER_MS = 10_000;

/** Which steps this host is working on, on disk: a restarted worker tells Temporal which ones it lost. */
export type AttemptJournal = {
  /** Writes each step down while it runs. */
  interceptor: ActivityInterceptorsFactory;
  /**
   * Hands the steps of a killed worker back, so that they start again at once and not only after their heartbeat timeout.
   * Gives their number.
   */
  handBack(client: Client, log: Logger): Promise<number>;
};

/** Keeps the journal in `folder`, which belongs to one tool worker. A step stays in it for `lingerMs` after its end. */
export function createAttemptJournal(folder: string, lingerMs = LINGER_MS): AttemptJournal {
  return {
    interceptor: (context) => ({
      inbound: {
        async execute(input, next) {
          const token = context.info.base64TaskToken;
          const path = join(folder, `${createHash('sha256').update(token).digest('hex').slice(0, 16)}.json`);
          await mkdir(folder, { recursive: true });
          await writeFile(path, JSON.stringify({ token, activity: context.info.activityType }));
          try {
            return await next(input);
          } finally {
            // Later, as Temporal has not heard of the end yet. To hand back a step that it knows to be over does no harm.
            setTimeout(() => void rm(path, { force: true }).catch(() => undefined), lingerMs).unref();
          }
        },
      },
    }),

    async handBack(client, log) {
      const names = await readdir(folder).catch(() => [] as string[]);
      let lost = 0;
      for (const name of names) if (await handBackOne(client, join(folder, name), log)) lost += 1;
      return lost;
    },
  };
}

async function handBackOne(client: Client, path: string, log: Logger): Promise<boolean> {
  let isLost = false;
  try {
    const { token } = JSON.parse(await readFile(path, 'utf8')) as { token: string };
    const failure = ApplicationFailure.retryable('The worker was restarted', 'WorkerRestart');
    await client.activity.fail(Buffer.from(token, 'base64'), failure);
    isLost = true;
  } catch (err) {
    // Temporal may have given the step to somebody else meanwhile; a half-written entry is nobody's.
    if (!(err instanceof ActivityNotFoundError) && !(err instanceof SyntaxError)) {
      log.warn({ err }, 'a lost step was not handed back; its heartbeat timeout will do it');
    }
  }
  await rm(path, { force: true });
  return isLost;
}
