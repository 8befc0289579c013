import { createHash, randomInt } from 'node:crypto';
import { MongoServerError } from 'mongodb';

const ALPHABET = '0123456789abcdefghijklmnopqrstuvwxyz';
const MAXIMUM_TRIES = 8;

/** A random id of lower-case letters and digits. */
export function randomId(length = 8): string {
  return Array.from({ length }, () => ALPHABET[randomInt(ALPHABET.length)]).join('');
}

const SERIAL_LENGTH = 4;
const SERIALS = ALPHABET.length ** SERIAL_LENGTH;

/**
 * Ids that sort as they are numbered, for documents that come in an order: four characters that count, four random ones. Counting begins
 * at a place of the first half that follows from `source`, so it goes on there after an interruption.
 *
 * @throws RangeError beyond 839,808 numbers.
 */
export function serialId(source: string, number: number): string {
  const begin = createHash('sha256').update(source).digest().readUInt32BE(0) % (SERIALS / 2);
  if (number >= SERIALS / 2) throw new RangeError(`There is no serial id for number ${number}`);
  return (begin + number).toString(ALPHABET.length).padStart(SERIAL_LENGTH, '0') + randomId(4);
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
