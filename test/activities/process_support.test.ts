import { ApplicationFailure } from '@temporalio/common';
import { MockActivityEnvironment } from '@temporalio/testing';
import { MongoNetworkError } from 'mongodb';
import { expect, test } from 'vitest';
import { runProcess } from '../../src/activities/process_support.js';
import { adaptLogger } from '../../src/workers/runtime.js';
import { quietLogger } from '../support/logger.js';

/** Runs work as an attempt that found these details; gives its end and what its heartbeats said. */
async function attempt(heartbeatDetails: unknown, work: () => Promise<unknown>) {
  const environment = new MockActivityEnvironment({ heartbeatDetails }, { logger: adaptLogger(quietLogger) });
  const said: unknown[] = [];
  environment.on('heartbeat', (details: unknown) => said.push(details));
  const end = await environment.run(() => runProcess(work)).catch((error: unknown) => error);
  return { end, said };
}

test('an attempt tells first how many have ended without a word, if it does', async () => {
  for (const [found, told] of [
    [undefined, 1],
    [{ deaths: 2 }, 3],
    ['something else', 1],
  ] as const) {
    expect(await attempt(found, async () => 'done')).toEqual({ end: 'done', said: [{ deaths: told }] });
  }
});

test('an attempt that tells its failure does not count as a death', async () => {
  const lost = new MongoNetworkError('connection lost');
  const { end, said } = await attempt({ deaths: 2 }, () => Promise.reject(lost));
  expect(end).toBe(lost);
  expect(said.at(-1)).toEqual({ deaths: 2 });
});

test('work that has taken three workers with it is not begun again, and ends its process', async () => {
  let begun = false;
  const { end } = await attempt({ deaths: 3 }, async () => {
    begun = true;
  });
  expect(begun).toBe(false);
  expect(end).toBeInstanceOf(ApplicationFailure);
  expect(end).toMatchObject({
    nonRetryable: true,
    details: [[{ id: 'unhandled', message: 'The worker that did this step ended 3 times in the middle of it' }]],
  });
});
