import { type Refusal, tooManyRequests } from '../http/refusals.js';

/** How much hashing goes on and waits. */
export type HashLimits = { atOnce: number; waitingOfClient: number; waiting: number };

/** Runs the work of clients, few at once. */
export type HashQueue = <T>(client: string, work: () => Promise<T>) => Promise<T>;

type Waiting = { start(): void; refuse(reason: Refusal): void };

const RETRY_SECONDS = 3;

/**
 * A queue in which clients take turns: whoever asks a hundred times at once waits for the own work alone. A client has a limited place
 * in it, and when it is full the last of the longest row gives way.
 */
export function createHashQueue(limits: HashLimits): HashQueue {
  const rows = new Map<string, Waiting[]>();
  let running = 0;
  let waiting = 0;

  const enter = (client: string, one: Waiting): void => {
    const row = rows.get(client) ?? [];
    if (row.length >= limits.waitingOfClient) {
      one.refuse(tooManyAtOnce());
      return;
    }
    row.push(one);
    rows.set(client, row);
    waiting += 1;
    if (waiting > limits.waiting) dropOfLongest();
  };
  const dropOfLongest = (): void => {
    const [client, row] = [...rows].reduce((longest, each) => (each[1].length > longest[1].length ? each : longest));
    row.pop()?.refuse(tooManyAtOnce());
    if (row.length === 0) rows.delete(client);
    waiting -= 1;
  };
  const startNext = (): void => {
    running -= 1;
    const [next] = rows;
    if (!next) return;
    const [client, row] = next;
    // Behind all others, as this one has had its turn.
    rows.delete(client);
    const one = row.shift();
    if (row.length > 0) rows.set(client, row);
    waiting -= 1;
    running += 1;
    one?.start();
  };

  return async (client, work) => {
    if (running < limits.atOnce) running += 1;
    else await new Promise<void>((start, refuse) => enter(client, { start, refuse }));
    try {
      return await work();
    } finally {
      startNext();
    }
  };
}

function tooManyAtOnce(): Refusal {
  return tooManyRequests('Too many sign-ins at once. Try again in a few seconds.', RETRY_SECONDS);
}
