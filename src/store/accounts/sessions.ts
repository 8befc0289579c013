import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Database, Stored } from '../database/database.js';

/** A session as stored. Signed in it has `token` and `user`; while a password reset is pending it has `reset_...`. */
export type SessionDocument = Stored & {
  created_at: Date;
  expiresAt: Date;
  ip: string;
  /** Hex SHA-256 of the token in the cookie. */
  token?: string;
  user?: { id: string };
  /** Hex SHA-256 of the id of the browser, which stays the same over all of its sessions. */
  browser?: string;
  remember?: boolean;
  /** Hex SHA-256 of the code. */
  reset_code?: string;
  reset_remember?: boolean;
  reset_user_id?: string;
  reset_tries?: number;
};

/** A session that is signed in and not expired. */
export type LiveSession = SessionDocument & { token: string; user: { id: string } };

/** What the browser gets of a new session. */
export type NewSession = { sessionId: string; token: string; lifeSeconds: number };

const MINUTE_MS = 60_000;
const RESET_LIFE_MS = 10 * MINUTE_MS;
const LIFE_MS = 60 * MINUTE_MS;
const REMEMBERED_LIFE_MS = 30 * 24 * 60 * MINUTE_MS;
const RESET_TRIES = 5;

const lifeMs = (remember: boolean | undefined) => (remember ? REMEMBERED_LIFE_MS : LIFE_MS);
/** 256 random bits in hexadecimal. */
export const randomSecret = (): string => randomBytes(32).toString('hex');

const hash = (secret: string) => createHash('sha256').update(secret).digest('hex');

function freshSession(ip: string, durationMs: number) {
  const now = Date.now();
  const document = { _id: randomSecret(), created_at: new Date(now), expiresAt: new Date(now + durationMs), ip };
  return { document, lifeSeconds: durationMs / 1000 };
}

function isSecret(secret: string, stored: string): boolean {
  const given = Buffer.from(hash(secret));
  const expected = Buffer.from(stored);
  return given.length === expected.length && timingSafeEqual(given, expected);
}

/** Sessions and pending password resets. Expiry is checked at every read; the database removes expired ones later. */
export function createSessionStore(database: Database) {
  const sessions = database.collection<SessionDocument>('sessions');

  const findUnexpired = async (sessionId: string): Promise<SessionDocument | undefined> => {
    const session = await sessions.findOne({ _id: sessionId });
    return session && session.expiresAt > new Date() ? session : undefined;
  };

  const findLive = async (sessionId: string): Promise<LiveSession | undefined> => {
    const session = await findUnexpired(sessionId);
    return session?.token && session.user ? (session as LiveSession) : undefined;
  };

  const find = async (sessionId: string, token: string): Promise<LiveSession | undefined> => {
    const session = await findLive(sessionId);
    return session && isSecret(token, session.token) ? session : undefined;
  };

  return {
    /** The signed-in session of a browser that has both id and token; undefined otherwise. */
    find,

    /** The signed-in session with this id, for one whose token was checked before. */
    findLive,

    /** The signed-in session that a browser has opened last. */
    async findLiveOf(browserId: string): Promise<LiveSession | undefined> {
      const filter = { browser: hash(browserId), token: { $exists: true }, expiresAt: { $gt: new Date() } };
      const session = await sessions.findOne(filter, { sort: { created_at: -1 } });
      return session?.user ? (session as LiveSession) : undefined;
    },

    /** Makes a signed-in session: one hour, or 30 days for those who want to be remembered. */
    async open(user: { userId: string; remember: boolean; ip: string; browserId?: string }): Promise<NewSession> {
      const token = randomSecret();
      const session = freshSession(user.ip, lifeMs(user.remember));
      const { userId, remember, browserId } = user;
      const browser = browserId === undefined ? {} : { browser: hash(browserId) };
      const signedIn = { token: hash(token), user: { id: userId }, remember, ...browser };
      await sessions.insertOne({ ...session.document, ...signedIn });
      return { sessionId: session.document._id, token, lifeSeconds: session.lifeSeconds };
    },

    /** Gives a session its full life again when half of it is over; the new life in seconds, undefined before that. */
    async renew(session: LiveSession): Promise<number | undefined> {
      const life = lifeMs(session.remember);
      if (session.expiresAt.getTime() - Date.now() > life / 2) return undefined;
      const result = await sessions.updateOne(
        { _id: session._id },
        { $set: { expiresAt: new Date(Date.now() + life) } },
      );
      return result.matchedCount === 1 ? life / 1000 : undefined;
    },

    /** Ends the session of a browser that has both id and token. */
    async close(sessionId: string, token: string): Promise<void> {
      if (await find(sessionId, token)) await sessions.deleteOne({ _id: sessionId });
    },

    /** Ends all sessions and pending resets of a user, but for the one to keep. */
    async closeAllOf(userId: string, keptSessionId?: string): Promise<void> {
      const kept = keptSessionId === undefined ? {} : { _id: { $ne: keptSessionId } };
      await sessions.deleteMany({ 'user.id': userId, ...kept });
      await sessions.deleteMany({ reset_user_id: userId });
    },

    /** Notes that a user who gave the right password must choose a new one within ten minutes. */
    async openReset(user: { userId: string; remember: boolean; ip: string }) {
      const code = randomSecret();
      const session = freshSession(user.ip, RESET_LIFE_MS);
      await sessions.insertOne({
        ...session.document,
        reset_code: hash(code),
        reset_remember: user.remember,
        reset_user_id: user.userId,
        reset_tries: 0,
      });
      return { sessionId: session.document._id, code, lifeSeconds: session.lifeSeconds };
    },

    /**
     * The pending reset with this code; undefined when none is pending or the code is wrong. The fifth wrong code ends
     * the reset.
     */
    async checkReset(sessionId: string, code: string): Promise<{ userId: string; remember: boolean } | undefined> {
      // Counted before the comparison, so that many tries at once are no way around the limit.
      const counted = await sessions.updateOne(
        { _id: sessionId, reset_tries: { $lt: RESET_TRIES } },
        { $inc: { reset_tries: 1 } },
      );
      const session = counted.matchedCount === 1 ? await findUnexpired(sessionId) : undefined;
      if (!session?.reset_code || !session.reset_user_id) return undefined;
      if (isSecret(code, session.reset_code)) {
        return { userId: session.reset_user_id, remember: session.reset_remember === true };
      }
      if ((session.reset_tries ?? 0) >= RESET_TRIES) await sessions.deleteOne({ _id: sessionId });
      return undefined;
    },

    /** Replaces the code of a pending reset after a right one, and forgets earlier wrong tries. */
    async renewResetCode(sessionId: string): Promise<string> {
      const code = randomSecret();
      await sessions.updateOne(
        { _id: sessionId, reset_user_id: { $exists: true } },
        { $set: { reset_code: hash(code), reset_tries: 0 } },
      );
      return code;
    },

    /** Ends a pending reset; of several at once just one gets true. */
    async takeReset(sessionId: string): Promise<boolean> {
      const result = await sessions.deleteOne({ _id: sessionId, reset_user_id: { $exists: true } });
      return result.deletedCount === 1;
    },
  };
}
