import { randomInt } from 'node:crypto';
import { MongoServerError } from 'mongodb';

const ALPHABET = '0123456789abcdefghijklmnopqrstuvwxyz';
const MAXIMUM_TRIES = 8;

/** A random id of lower-case letters and digits. */
export function randomId(length = 8): string {
  return Array.from({ length }, () => ALPHABET[randomInt(ALPHABET.length)]).join('');
}

/** Whether the error says that a unique value is taken; with `key` only when that field is the one. */
export function isDuplicate(error: unknown, key?: string): boolean {
  if (!(error instanceof MongoServerError) || error.code !== 11000) return false;
  return key === undefined || Object.hasOwn((error.keyPattern ?? {}) as object, key);
}

/**
 * Runs the insert with a fresh id, again with another one when the id is taken.
 *
 * @throws whatever the insert throws, but for a taken `_id`.
 */
export async function insertWithFreshId<T>(insert: (id: string) => Promise<T>, makeId = () => randomId()): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await insert(makeId());
    } catch (error) {
      if (tries >= MAXIMUM_TRIES || !isDuplicate(error, '_id')) throw error;
    }
  }
}
