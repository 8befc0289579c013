import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import bcrypt from 'bcrypt';
import type { Credentials } from '../../store/accounts/users.js';
import { badRequest, type Refusal, unavailable } from '../http/refusals.js';

const COST = 12;
/** bcrypt ignores what comes after. */
const MAXIMUM_BYTES = 72;
const MAXIMUM_AT_ONCE = 2;
const MAXIMUM_WAITING = 100;

/** The refusal of a new password that is too short, too long or holds NUL; undefined when it is good. */
export function refusePassword(password: string, minimumLength: number): Refusal | undefined {
  if ([...password].length < minimumLength) {
    return badRequest(`Password does not meet minimum length requirement (${minimumLength})`);
  }
  if (Buffer.byteLength(password) > MAXIMUM_BYTES) return badRequest(`Password is longer than ${MAXIMUM_BYTES} bytes`);
  if (password.includes('\0')) return badRequest('Password holds a character that cannot be used (NUL)');
  return undefined;
}

/** bcrypt hash of a new password. */
export function hashPassword(password: string): Promise<string> {
  return inTurn(() => bcrypt.hash(password, COST));
}

/** Whether the password is right. Takes as long for an unknown user as for a wrong password. */
export async function isRightPassword(credentials: Credentials | undefined, password: string): Promise<boolean> {
  const isBcrypt = credentials?.salt === undefined;
  const hash = credentials && isBcrypt ? credentials.hash : await someHash();
  const matches = await inTurn(() => bcrypt.compare(password, hash));
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

let running = 0;
const waiting: (() => void)[] = [];

// Hashing runs on the threads that also read and write files, so it must not take them all.
async function inTurn<T>(work: () => Promise<T>): Promise<T> {
  if (running >= MAXIMUM_AT_ONCE) {
    if (waiting.length >= MAXIMUM_WAITING) throw unavailable('Too many people sign in at the moment');
    await new Promise<void>((resolve) => waiting.push(resolve));
  } else {
    running += 1;
  }
  try {
    return await work();
  } finally {
    const next = waiting.shift();
    if (next) next();
    else running -= 1;
  }
}
