import type { ClientSession } from 'mongodb';
import type { Database } from './database.js';
import { isDuplicate } from './ids.js';

const RETRY_LIMIT_MS = 10_000;
const MAXIMUM_COLLISIONS = 8;

/** The outcome of a transaction that others did not let through. */
export type Contended = { ok: false; reason: 'contended' };

/** Runs transactions that change the same thing one after the other. */
export type Compete = <T>(subject: string, work: (session: ClientSession) => Promise<T>) => Promise<T | Contended>;

class GaveUp extends Error {}

/**
 * Runs transactions that compete for the same documents. Those of this process with the same subject take turns, as trying
 * again costs more than waiting. A transaction starts again when one of another process or subject was faster, and when an
 * id that it drew, or gave to a change, is taken. It gives up some seconds after it was asked for.
 */
export function createCompete(database: Database): Compete {
  const lastOf = new Map<string, Promise<unknown>>();
  return async (subject, work) => {
    const deadline = performance.now() + RETRY_LIMIT_MS;
    const turn = (lastOf.get(subject) ?? Promise.resolve()).then(() => run(database, work, deadline));
    // Whoever comes next only waits; the fault belongs to this caller.
    const ended = turn.catch(() => undefined);
    lastOf.set(subject, ended);
    try {
      return await turn;
    } finally {
      if (lastOf.get(subject) === ended) lastOf.delete(subject);
    }
  };
}

async function run<T>(
  database: Database,
  work: (session: ClientSession) => Promise<T>,
  deadline: number,
): Promise<T | Contended> {
  for (let collisions = 0; collisions < MAXIMUM_COLLISIONS; collisions += 1) {
    try {
      return await database.transaction(async (session) => {
        if (performance.now() > deadline) throw new GaveUp('Too many transactions on the same documents');
        return work(session);
      });
    } catch (error) {
      if (error instanceof GaveUp) break;
      if (!isDuplicate(error, '_id')) throw error;
    }
  }
  return { ok: false, reason: 'contended' };
}
