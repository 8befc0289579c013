import { expect } from 'vitest';
import { waitFor } from '../support/wait.js';
import { type Body, type Client, lastState } from './client.js';
import type { Home } from './support.js';

const CANCEL_LIMIT_MS = 5_000;

/** Asks for the cancel of a job. */
export const cancel = (client: Client, job: string) => client.send('PUT', `/api/jobs/${job}/cancel`);

/** Cancels and waits until the job is closed and its tools are dead, both within the limit. Also gives how long the close took. */
export async function cancelInTime(home: Home, client: Client, job: string): Promise<{ ended: Body; tookMs: number }> {
  const askedAt = performance.now();
  expect((await cancel(client, job)).status).toBe(200);
  const ended = await waitFor(
    async () => {
      const now = await client.get(`/api/jobs/${job}`);
      return lastState(now) === 'cancelled' ? now : undefined;
    },
    'the job to be cancelled',
    CANCEL_LIMIT_MS,
  );
  const tookMs = Math.round(performance.now() - askedAt);
  expect(home.tools()).toEqual([]);
  const states = ended.status.map(({ state }: Body) => state);
  expect(states.indexOf('cancelled')).toBe(states.length - 1);
  expect(ended.status.at(-1)).toMatchObject({ error: null });
  return { ended, tookMs };
}
