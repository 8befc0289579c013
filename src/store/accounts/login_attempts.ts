import { createHash } from 'node:crypto';
import { isIPv6 } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Database, Stored } from '../database/database.js';
import { isDuplicate } from '../database/ids.js';

/** Tries of one account from one network, or of all accounts from it; the id is a hash of both. */
export type LoginAttemptsDocument = Stored & { tries: number; expiresAt: Date };

/** Tries of an account within {@link WINDOW_MS}; the next one has to wait. */
const MAXIMUM_TRIES = 10;
/** Tries of all accounts from one network: enough for a laboratory behind one address. */
const MAXIMUM_TRIES_OF_NETWORK = 100;
/** No account is called so. */
const ALL_ACCOUNTS = '\0';
const WINDOW_MS = 5 * 60_000;
const MAXIMUM_ROUNDS = 20;
const PAUSE_MS = 5;

/**
 * Counts failed tries to sign in per account and network, and per network, and never per account alone: whoever guesses from one address
 * cannot keep the owner out who comes from another.
 */
export function createLoginAttemptStore(database: Database) {
  const attempts = database.collection<LoginAttemptsDocument>('login_attempts');

  // Two calls, as of many upserts of one id that come at once some servers count one twice.
  const count = async (id: string): Promise<LoginAttemptsDocument | undefined> => {
    const counted = await attempts.findOneAndUpdate({ _id: id }, { $inc: { tries: 1 } }, { returnDocument: 'after' });
    if (counted) return counted;
    const first = { _id: id, tries: 1, expiresAt: new Date(Date.now() + WINDOW_MS) };
    try {
      await attempts.insertOne(first);
      return first;
    } catch (error) {
      if (isDuplicate(error)) return undefined;
      throw error;
    }
  };

  /** Counts a try; seconds to wait when there are too many. */
  const begin = async (id: string, maximum: number): Promise<number> => {
    for (let rounds = 0; rounds < MAXIMUM_ROUNDS; rounds += 1) {
      const attempt = await count(id);
      if (!attempt) {
        // The one that was first is not visible yet.
        await sleep(PAUSE_MS * (1 + rounds));
        continue;
      }
      const leftMs = attempt.expiresAt.getTime() - Date.now();
      if (leftMs > 0) return attempt.tries > maximum ? Math.ceil(leftMs / 1000) : 0;
      await attempts.deleteOne({ _id: id, expiresAt: attempt.expiresAt });
    }
    throw new Error('Tries to sign in cannot be counted');
  };

  return {
    /**
     * Counts a try before it is judged, so that many at once do not get around the limits. One that has to wait for the sake of its
     * account does not count for its network.
     *
     * @returns seconds to wait, 0 when the try may go on.
     */
    async begin(account: string, address: string): Promise<number> {
      const waitSeconds = await begin(attemptId(account, address), MAXIMUM_TRIES);
      return waitSeconds > 0 ? waitSeconds : begin(attemptId(ALL_ACCOUNTS, address), MAXIMUM_TRIES_OF_NETWORK);
    },

    /** Takes back a try that was counted and not judged. */
    async takeBack(account: string, address: string): Promise<void> {
      const ids = [attemptId(account, address), attemptId(ALL_ACCOUNTS, address)];
      await attempts.updateMany({ _id: { $in: ids }, tries: { $gt: 0 } }, { $inc: { tries: -1 } });
    },

    /** Forgets the tries of the account after a right password, and that this one was counted for the network. */
    async forget(account: string, address: string): Promise<void> {
      await attempts.deleteOne({ _id: attemptId(account, address) });
      await attempts.updateOne({ _id: attemptId(ALL_ACCOUNTS, address), tries: { $gt: 0 } }, { $inc: { tries: -1 } });
    },
  };
}

function attemptId(account: string, address: string): string {
  return createHash('sha256')
    .update(`${account}\0${networkOf(address)}`)
    .digest('hex');
}

/** An IPv4 address as it is; of an IPv6 address the first 64 bits, as a single host often has all the others. */
export function networkOf(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address);
  if (mapped?.[1]) return mapped[1];
  if (!isIPv6(address)) return address;
  const [head = '', tail] = address.toLowerCase().split('%')[0]?.split('::') ?? [];
  const left = head === '' ? [] : head.split(':');
  const right = tail ? tail.split(':') : [];
  const zeros = tail === undefined ? [] : new Array<string>(Math.max(0, 8 - left.length - right.length)).fill('0');
  return [...left, ...zeros, ...right].slice(0, 4).join(':');
}
