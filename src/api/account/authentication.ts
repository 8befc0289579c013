import type { Context } from 'hono';
import { PERMISSIONS, type Permissions } from '../../contracts/permissions.js';
import type { LiveSession } from '../../store/accounts/sessions.js';
import type { UserRights } from '../../store/accounts/users.js';
import type { ApiDeps } from '../deps.js';
import { auditWrongKey } from '../http/audit.js';
import { type Caller, takesKeys } from '../http/caller.js';
import { peerAddress } from '../http/peer.js';
import { badRequest } from '../http/refusals.js';
import type { Authenticate } from '../http/register.js';
import type { Env } from '../http/route.js';
import { parseSessionCookies, readSessionCookies, sendSessionCookies } from './cookies.js';
import { tooManyTries } from './password_check.js';

type Deps = Pick<ApiDeps, 'store'>;

const BASE64 = /^[A-Za-z0-9+/_-]+={0,2}$/;

/**
 * Authentication of HTTP requests: an API key where the header is there, keys are switched on and the path takes them,
 * else the session of the cookies. Rights are those that the user has at this moment; a user who must choose a new
 * password is nobody until then.
 */
export function createAuthenticate(deps: Deps): Authenticate {
  return async (context) => {
    const header = context.req.header('Authorization');
    if (header !== undefined && takesKeys(context.req.path) && (await deps.store.settings.get()).enable_api) {
      return callerOfKey(deps, context, header);
    }
    return callerOfCookies(deps, context);
  };
}

/** Identity of WebSocket connections. */
export type SocketIdentity = {
  /** Who sends a handshake with this `Cookie` header; undefined for nobody. */
  fromCookies(cookieHeader: string | undefined): Promise<SocketCaller | undefined>;
  /**
   * Who is signed in where the socket was opened, with the rights of now, and when the session ends unless it is renewed: the session of the
   * handshake, else the last one of the same browser. Undefined when nobody is, or when the user may not go on.
   */
  current(peer: Pick<SocketCaller, 'sessionId' | 'browserId'>): Promise<CurrentSession | undefined>;
};

/** A signed-in browser. */
export type SocketCaller = Caller & { sessionId: string; browserId?: string | undefined };

type CurrentSession = { caller: Caller; sessionId: string; endsAt: Date };

/** Identity of WebSocket connections, by the same sessions as HTTP. */
export function createSocketIdentity({ store }: Deps): SocketIdentity {
  return {
    async fromCookies(cookieHeader) {
      const { sessionId, token, browserId } = parseSessionCookies(cookieHeader);
      const session = sessionId && token ? await store.sessions.find(sessionId, token) : undefined;
      const caller = session && (await callerOfSession({ store }, session));
      return caller && { ...caller, sessionId: session._id, browserId };
    },
    async current({ sessionId, browserId }) {
      const own = await store.sessions.findLive(sessionId);
      const session = own ?? (browserId === undefined ? undefined : await store.sessions.findLiveOf(browserId));
      const caller = session && (await callerOfSession({ store }, session));
      return caller && { caller, sessionId: session._id, endsAt: session.expiresAt };
    },
  };
}

async function callerOfCookies({ store }: Deps, context: Context<Env>): Promise<Caller | undefined> {
  const { sessionId, token } = readSessionCookies(context);
  const session = sessionId && token ? await store.sessions.find(sessionId, token) : undefined;
  const caller = session && (await callerOfSession({ store }, session));
  if (!session || !caller || !token) return undefined;
  const lifeSeconds = await store.sessions.renew(session);
  if (lifeSeconds !== undefined) sendSessionCookies(context, { sessionId: session._id, token, lifeSeconds });
  return caller;
}

async function callerOfSession({ store }: Deps, session: LiveSession): Promise<Caller | undefined> {
  const userId = session.user.id;
  const user = await store.users.rights(userId);
  if (!user || user.force_reset) return undefined;
  const { administrator, groups, permissions } = user;
  return { via: 'session', sessionId: session._id, userId, administrator, groups, permissions };
}

async function callerOfKey({ store }: Deps, context: Context<Env>, header: string): Promise<Caller | undefined> {
  const { userId, key } = parseBasic(header);
  const found = await store.keys.findByKey(userId, key);
  const user = found && (await store.users.rights(userId));
  if (!found || !user) {
    const waitSeconds = await store.loginAttempts.begin(`key of ${userId}`, peerAddress(context));
    if (waitSeconds === 0) await auditWrongKey(store.audit, context, userId);
    throw waitSeconds > 0 ? tooManyTries(waitSeconds) : badRequest('Invalid Authorization header');
  }
  if (user.force_reset) return undefined;
  return {
    via: 'key',
    userId,
    administrator: false,
    groups: user.groups,
    permissions: limitPermissions(found.permissions, user),
  };
}

/** The wanted permissions as far as the user has them; administrators have all. */
export function limitPermissions(
  wanted: Partial<Permissions>,
  user: Pick<UserRights, 'administrator' | 'permissions'>,
): Permissions {
  const entries = PERMISSIONS.map((name) => [
    name,
    wanted[name] === true && (user.administrator || user.permissions[name]),
  ]);
  return Object.fromEntries(entries) as Permissions;
}

function parseBasic(header: string): { userId: string; key: string } {
  const [scheme, encoded, ...rest] = header.trim().split(/ +/);
  const isBasic = scheme?.toLowerCase() === 'basic' && rest.length === 0;
  if (!isBasic || !encoded || !BASE64.test(encoded)) throw badRequest('Malformed Authorization header');
  const text = Buffer.from(encoded, 'base64').toString('utf8');
  const colon = text.indexOf(':');
  if (colon < 0) throw badRequest('Malformed Authorization header');
  return { userId: text.slice(0, colon), key: text.slice(colon + 1) };
}
