import type { Context } from 'hono';
import { networkOf } from '../../store/accounts/login_attempts.js';
import type { Credentials } from '../../store/accounts/users.js';
import type { ApiDeps } from '../deps.js';
import { peerAddress } from '../http/peer.js';
import { type Refusal, tooManyRequests } from '../http/refusals.js';
import type { Env } from '../http/route.js';
import { isRightPassword } from './passwords.js';

/** The outcome of a try: the credentials of the moment when the password is right. */
export type PasswordCheck = { right: Credentials } | { wrong: true } | { refused: Refusal };

/** Checks a user's password, and slows down whoever guesses from one address, one account or many. */
export async function checkPassword(
  { store }: Pick<ApiDeps, 'store'>,
  context: Context<Env>,
  userId: string,
  password: string,
): Promise<PasswordCheck> {
  const address = peerAddress(context);
  const waitSeconds = await store.loginAttempts.begin(userId, address);
  if (waitSeconds > 0) return { refused: tooManyTries(waitSeconds) };
  const credentials = await store.users.credentials(userId);
  const right = await isRightPassword(credentials, password, networkOf(address)).catch(async (error: unknown) => {
    // It was not judged.
    await store.loginAttempts.takeBack(userId, address);
    throw error;
  });
  if (!credentials || !right) return { wrong: true };
  await store.loginAttempts.forget(userId, address);
  return { right: credentials };
}

/** The refusal of somebody who has guessed too often. */
export function tooManyTries(waitSeconds: number): Refusal {
  return tooManyRequests(`Too many failed tries. Try again in ${waitSeconds} seconds.`, waitSeconds);
}
