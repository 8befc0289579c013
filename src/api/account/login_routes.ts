import type { Context } from 'hono';
import { randomSecret } from '../../store/accounts/sessions.js';
import type { ApiDeps } from '../deps.js';
import { peerAddress, peerNetwork } from '../http/peer.js';
import { badRequest, Refusal } from '../http/refusals.js';
import { type Env, json, publicRoute, type Route } from '../http/route.js';
import {
  readSessionCookies,
  removeSessionCookies,
  sendBrowserCookie,
  sendResetCookie,
  sendSessionCookies,
} from './cookies.js';
import { checkPassword } from './password_check.js';
import { hashPassword, refusePassword } from './passwords.js';
import { LoginBody, ResetBody } from './schemas.js';

/** Routes of people who are not signed in yet: login, logout, forced password reset. */
export function createLoginRoutes(deps: ApiDeps): Route[] {
  return [login(deps), logout(deps), reset(deps)];
}

function login(deps: ApiDeps): Route {
  return publicRoute({
    method: 'POST',
    path: '/api/account/login',
    access: { public: 'one signs in with it' },
    tag: 'Account',
    audit: 'sign_in',
    summary: 'Sign in',
    description:
      'Sets the cookies `session_id` and `session_token`: for an hour, or for 30 days with `remember`, and longer while they are used; and ' +
      '`browser_id`, by which an open WebSocket follows who is signed in. ' +
      'A user who must choose a new password is not signed in, but gets a code for POST /api/account/reset.',
    body: LoginBody,
    answers: {
      201: 'Signed in: `{"reset": false}`',
      200: 'Password right, but a new one must be chosen: `{"reset": true, "reset_code": "..."}`',
      400: 'User or password wrong',
      429: 'Too many failed tries for this account from this address; `Retry-After` tells how long to wait',
    },
    async handle({ context, body: { username, password, remember } }) {
      context.set('actor', username);
      const check = await checkPassword(deps, context, username, password);
      if ('refused' in check) return check.refused;
      if ('wrong' in check) return wrongPassword();
      if (check.right.forceReset) return demandReset(deps, context, username, remember);
      const signedIn = await signIn(deps, context, username, remember, check.right.hash);
      return signedIn ? json({ reset: false }, 201) : wrongPassword();
    },
  });
}

function logout({ store }: ApiDeps): Route {
  return publicRoute({
    method: 'GET',
    path: '/api/account/logout',
    access: { public: 'it also answers those whose session has ended' },
    tag: 'Account',
    audit: 'sign_out',
    summary: 'Sign out',
    description: 'Ends the session and removes its cookies.',
    answers: { 200: 'Signed out, or was not signed in' },
    async handle({ context }) {
      const { sessionId, token } = readSessionCookies(context);
      const session = sessionId && token ? await store.sessions.find(sessionId, token) : undefined;
      if (session && token) {
        context.set('actor', session.user.id);
        await store.sessions.close(session._id, token);
      }
      removeSessionCookies(context);
      return new Response(null, { status: 200 });
    },
  });
}

function reset(deps: ApiDeps): Route {
  const { store } = deps;
  return publicRoute({
    method: 'POST',
    path: '/api/account/reset',
    access: { public: 'it ends the sign-in of users who must choose a new password' },
    tag: 'Account',
    audit: 'password',
    summary: 'Choose a new password at sign-in',
    description:
      'Takes the code that POST /api/account/login gave, within ten minutes and with the same `session_id` cookie. Ends all other ' +
      'sessions of the user and signs in. Five wrong codes end the reset.',
    body: ResetBody,
    answers: {
      200: 'Password set and signed in: `{"login": false, "reset": false}`',
      400: 'Code wrong or no reset pending; or password refused, then with a new `reset_code`. `error` repeats `message`',
    },
    async handle({ context, body }) {
      const { sessionId } = readSessionCookies(context);
      const pending = sessionId && (await store.sessions.checkReset(sessionId, body.reset_code));
      if (!sessionId || !pending) return refuseReset('Invalid reset code');
      context.set('actor', pending.userId);
      const { minimum_password_length } = await store.settings.get();
      const refused = refusePassword(body.password, minimum_password_length);
      if (refused) return refuseReset(refused.message, await store.sessions.renewResetCode(sessionId));
      const hash = await hashPassword(body.password, peerNetwork(context));
      const taken = await store.sessions.takeReset(sessionId);
      if (!taken || !(await store.users.setOwnPassword(pending.userId, hash))) return refuseReset('Invalid reset code');
      await store.sessions.closeAllOf(pending.userId);
      const signedIn = await signIn(deps, context, pending.userId, pending.remember, hash);
      return signedIn ? json({ login: false, reset: false }) : refuseReset('Invalid reset code');
    },
  });
}

function wrongPassword(): Refusal {
  return badRequest('Invalid username or password');
}

function refuseReset(message: string, code?: string): Refusal {
  return new Refusal(400, 'bad_request', message, { error: message, ...(code ? { reset_code: code } : {}) });
}

async function demandReset(
  { store }: ApiDeps,
  context: Context<Env>,
  userId: string,
  remember: boolean,
): Promise<Response> {
  const pending = await store.sessions.openReset({ userId, remember, ip: peerAddress(context) });
  sendResetCookie(context, pending.sessionId, pending.lifeSeconds);
  return json({ reset: true, reset_code: pending.code });
}

/**
 * Opens a session in place of the browser's old one and sends its cookies. False when the user's password is no longer
 * the one with this hash, or the user must choose a new one.
 */
export async function signIn(
  { store }: Pick<ApiDeps, 'store'>,
  context: Context<Env>,
  userId: string,
  remember: boolean,
  hash: string,
): Promise<boolean> {
  const old = readSessionCookies(context);
  const browserId = old.browserId ?? randomSecret();
  const session = await store.sessions.open({ userId, remember, ip: peerAddress(context), browserId });
  // Whoever changes a password ends the sessions afterwards, so looking again after the insert leaves no gap.
  const now = await store.users.credentials(userId);
  if (now?.hash !== hash || now.forceReset) {
    await store.sessions.close(session.sessionId, session.token);
    return false;
  }
  if (old.sessionId && old.token) await store.sessions.close(old.sessionId, old.token);
  sendSessionCookies(context, session);
  sendBrowserCookie(context, browserId);
  return true;
}
