import type { Context } from 'hono';
import { getCookie, setCookie } from 'hono/cookie';
import { parse } from 'hono/utils/cookie';
import type { NewSession } from '../../store/accounts/sessions.js';
import { isEncrypted } from '../http/peer.js';
import type { Env } from '../http/route.js';

const SECRET = /^[0-9a-f]{64}$/;

/** The two cookies of a session, where they have the right form. */
export type SessionCookies = {
  sessionId: string | undefined;
  token: string | undefined;
  /** Names the browser over all of its sessions, so that an open socket follows who is signed in. It gives no right. */
  browserId: string | undefined;
};

const BROWSER_LIFE_SECONDS = 400 * 24 * 3_600;

/** The session cookies of a request. */
export function readSessionCookies(context: Context<Env>): SessionCookies {
  return cookiesOf(getCookie(context));
}

/** The session cookies of a `Cookie` header. */
export function parseSessionCookies(header: string | undefined): SessionCookies {
  return cookiesOf(parse(header ?? ''));
}

function cookiesOf(cookies: Record<string, string | undefined>): SessionCookies {
  return {
    sessionId: secret(cookies.session_id),
    token: secret(cookies.session_token),
    browserId: secret(cookies.browser_id),
  };
}

/** Gives the browser its name; it outlives the session. */
export function sendBrowserCookie(context: Context<Env>, browserId: string): void {
  send(context, 'browser_id', browserId, BROWSER_LIFE_SECONDS);
}

/** Gives the browser its session for as long as it lives. */
export function sendSessionCookies(context: Context<Env>, session: NewSession): void {
  send(context, 'session_id', session.sessionId, session.lifeSeconds);
  send(context, 'session_token', session.token, session.lifeSeconds);
}

/** Gives the browser the id of a session that is not signed in, for a pending password reset. */
export function sendResetCookie(context: Context<Env>, sessionId: string, lifeSeconds: number): void {
  send(context, 'session_id', sessionId, lifeSeconds);
}

/** Takes the cookies of its session from the browser. */
export function removeSessionCookies(context: Context<Env>): void {
  send(context, 'session_id', '', 0);
  send(context, 'session_token', '', 0);
}

function secret(value: string | undefined): string | undefined {
  return value !== undefined && SECRET.test(value) ? value : undefined;
}

function send(context: Context<Env>, name: string, value: string, maxAge: number): void {
  setCookie(context, name, value, { path: '/', httpOnly: true, sameSite: 'Lax', secure: isEncrypted(context), maxAge });
}
