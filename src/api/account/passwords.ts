import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import bcrypt from 'bcrypt';
import type { Credentials } from '../../store/accounts/users.js';
import { badRequest, type Refusal } from '../http/refusals.js';
import { createHashQueue } from './hash_queue.js';

const COST = 12;
/** bcrypt ignores what comes after. */
const MAXIMUM_BYTES = 72;
// Hashing runs on the threads that also read and write files, so it must not take them all.
const inTurn = createHashQueue({ atOnce: 2, waitingOfClient: 25, waiting: 100 });

/** The refusal of a new password that is too short, too long or holds NUL; undefined when it is good. */
export function refusePassword(password: string, minimumLength: number): Refusal | undefined {
  if ([...password].length < minimumLength) {
    return badRequest(`Password does not meet minimum length requirement (${minimumLength})`);
  }
  if (Buffer.byteLength(password) > MAXIMUM_BYTES) return badRequest(`Password is longer than ${MAXIMUM_BYTES} bytes`);
  if (password.includes('\0')) return badRequest('Password holds a character that cannot be used (NUL)');
  return undefined;
}

/**
 * bcrypt hash of a new password. `network` is that of the client, whose requests wait for each other.
 *
 * @throws Refusal 429 when too many wait.
 */
export function hashPassword(password: string, network: string): Promise<string> {
  return inTurn(network, () => bcrypt.hash(password, COST));
}

/**
 * Whether the password is right. Takes as long for an unknown user as for a wrong password. `network` is that of the client.
 *
 * @throws Refusal 429 when too many wait.
 */
export async function isRightPassword(
  credentials: Credentials | undefined,
  password: string,
  network: string,
): Promise<boolean> {
  const isBcrypt = credentials?.salt === undefined;
  const hash = credentials && isBcrypt ? credentials.hash : await someHash();
  const matches = await inTurn(network, () => bcrypt.compare(password, hash));
  if (!credentials || password.includes('\0')) return false;
  return isBcrypt ? matches : isLegacyMatch(credentials, password);
}

// Before release 3 passwords were kept as SHA-512 of salt and password.
function isLegacyMatch({ hash, salt = '' }: Credentials, password: string): boolean {
  const given = createHash('sha512')
    .update(salt + password)
    .digest();
  const expected = Buffer.from(hash, 'hex');
  return given.length === expected.length && timingSafeEqual(given, expected);
}

let anyHash: Promise<string> | undefined;

function someHash(): Promise<string> {
  anyHash ??= bcrypt.hash(randomBytes(32).toString('hex'), COST);
  return anyHash;
}
