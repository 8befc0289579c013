import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ActivityNotFoundError, type Client } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import type { ActivityInterceptorsFactory } from '@temporalio/worker';
import type { Logger } from '../log.js';

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

/** Keeps the journal in `folder`, which belongs to one tool worker. */
export function createAttemptJournal(folder: string): AttemptJournal {
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
            await rm(path, { force: true });
          }
        },
      },
    }),

    async handBack(client, log) {
      const names = await readdir(folder).catch(() => [] as string[]);
      for (const name of names) {
        await handBackOne(client, join(folder, name), log);
      }
      return names.length;
    },
  };
}

async function handBackOne(client: Client, path: string, log: Logger): Promise<void> {
  try {
    const { token } = JSON.parse(await readFile(path, 'utf8')) as { token: string };
    const failure = ApplicationFailure.retryable('The worker was restarted', 'WorkerRestart');
    await client.activity.fail(Buffer.from(token, 'base64'), failure);
  } catch (err) {
    // Temporal may have given the step to somebody else meanwhile; a half-written entry is nobody's.
    if (!(err instanceof ActivityNotFoundError) && !(err instanceof SyntaxError)) {
      log.warn({ err }, 'a lost step was not handed back; its heartbeat timeout will do it');
    }
  }
  await rm(path, { force: true });
}
