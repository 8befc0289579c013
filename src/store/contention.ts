import type { ClientSession } from 'mongodb';
import type { Database } from './database.js';
import { isDuplicate } from './ids.js';

const RETRY_LIMIT_MS = 10_000;
const MAXIMUM_COLLISIONS = 8;

/** The outcome of a transaction that others did not let through. */
export type Contended = { ok: false; reason: 'contended' };

class GaveUp extends Error {}

/**
 * Runs a transaction that competes with others for the same documents: again from the start when another one was faster,
 * and when an id that it drew, or gave to a change, is taken. Gives up after some seconds.
 */
export async function compete<T>(
  database: Database,
  work: (session: ClientSession) => Promise<T>,
): Promise<T | Contended> {
  const deadline = performance.now() + RETRY_LIMIT_MS;
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
