import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Context } from '@temporalio/activity';
import { ActivityNotFoundError, type Client } from '@temporalio/client';
import { expect, test } from 'vitest';
import { createAttemptJournal } from '../../src/workers/attempts.js';
import { testFolder } from '../support/folders.js';
import { quietLogger } from '../support/logger.js';
import { waitFor } from '../support/wait.js';

const context = (token: string) =>
  ({ info: { base64TaskToken: Buffer.from(token).toString('base64'), activityType: 'step' } }) as Context;

/** Runs a step as a worker does. */
function run(journal: ReturnType<typeof createAttemptJournal>, token: string, work: () => Promise<unknown>) {
  const { inbound } = journal.interceptor(context(token));
  return inbound?.execute?.({ args: [], headers: {} }, work);
}

/** A Temporal that runs these steps and knows no other. */
function temporal(running: readonly string[]) {
  const handedBack: string[] = [];
  const fail = async (token: Uint8Array) => {
    const name = Buffer.from(token).toString();
    if (!running.includes(name)) throw new ActivityNotFoundError('not found');
    handedBack.push(name);
  };
  return { handedBack, client: { activity: { fail } } as unknown as Client };
}

// The server hears of an end a moment after the step: a worker killed in between would cost the job two minutes.
test('a killed worker hands back what it ran and what had just ended, and counts what was really lost', async () => {
  const folder = join(testFolder(), 'journal');
  const killed = createAttemptJournal(folder, 60_000);
  void run(killed, 'running', () => new Promise(() => undefined));
  await run(killed, 'ended, not told', async () => 'done');
  await run(killed, 'ended, told', async () => 'done');
  await waitFor(() => readdirSync(folder).length === 3, 'three entries');

  const { client, handedBack } = temporal(['running', 'ended, not told']);
  expect(await createAttemptJournal(folder).handBack(client, quietLogger)).toBe(2);
  expect(handedBack.sort()).toEqual(['ended, not told', 'running']);
  expect(readdirSync(folder)).toEqual([]);
});

test('a step leaves the journal a while after its end', async () => {
  const folder = join(testFolder(), 'journal');
  await run(createAttemptJournal(folder, 10), 'step', async () => 'done');
  await waitFor(() => readdirSync(folder).length === 0, 'the entry to go');
});
