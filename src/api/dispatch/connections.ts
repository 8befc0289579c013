import type { WebSocket } from 'ws';
import type { Logger } from '../../log.js';
import type { ChangeBatch } from '../../store/database/change_feed.js';
import type { SocketCaller, SocketIdentity } from '../account/authentication.js';
import { type Connection, createConnection, type SocketLimits, viewerOf } from './connection.js';
import type { Receiver } from './messages.js';
import { isSameViewer } from './visibility.js';

/** WebSocket close codes. */
const NORMAL = 1000;
const POLICY_VIOLATION = 1008;

const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** The open connections. */
export type Connections = {
  /** Those where somebody is signed in. */
  readonly receivers: ReadonlySet<Receiver>;
  /** Takes over a socket whose handshake is done. A held one hears nothing until it is released. */
  add(socket: WebSocket, caller: SocketCaller, isHeld?: boolean): Held;
  /**
   * Gives connections the rights of whoever is signed in now when a user or session changed; where nobody is, they fall silent. Whose rights
   * have changed is told to read again what it shows.
   */
  refresh(batch: ChangeBatch): Promise<void>;
  /** The same for all of them, as it is not known what has changed. Where that fails, they are dropped. */
  refreshAll(): void;
  /** Says goodbye to all and waits until they are gone. */
  closeAll(): Promise<void>;
};

/** A connection that a replay is made for. */
export type Held = {
  readonly receiver: Receiver;
  /** Reads the rights of now; whether somebody is signed in. Where that cannot be known, the connection is dropped. */
  refresh(): Promise<boolean>;
  /** Lets it hear of what comes, unless nobody is signed in. */
  release(): void;
};

/** Creates the set of connections, which watches over their heartbeat. `encodeResync` gives the message for those that have missed some. */
export function createConnections(
  identity: SocketIdentity,
  log: Logger,
  limits: SocketLimits,
  encodeResync: () => Buffer,
): Connections {
  const connections = new Set<Connection>();
  const receivers = new Set<Connection>();
  const emptied = new Set<() => void>();
  let timer: NodeJS.Timeout | undefined;

  const tick = startClock(limits.answerMs / 5, (now) => {
    for (const connection of connections) connection.check(now);
  });
  const remove = (connection: Connection): void => {
    connections.delete(connection);
    receivers.delete(connection);
    clearTimeout(connection.expiry);
    if (connections.size > 0) return;
    clearInterval(timer);
    timer = undefined;
    for (const resolve of emptied) resolve();
  };
  const refreshOne = async (connection: Connection, haveRightsChanged = false): Promise<void> => {
    const session = await identity.current(connection);
    if (!connections.has(connection)) return;
    if (!session) return signOut(connection);
    const viewer = viewerOf(session.caller);
    const isOther = !connection.isSignedIn || !isSameViewer(connection.viewer, viewer);
    Object.assign(connection, { viewer, sessionId: session.sessionId, isSignedIn: true });
    expireAt(connection, session.endsAt);
    if (!connection.isHeld) receivers.add(connection);
    if (isOther || haveRightsChanged) connection.resync();
  };
  const signOut = (connection: Connection): void => {
    const wasSignedIn = connection.isSignedIn;
    connection.isSignedIn = false;
    receivers.delete(connection);
    // Nobody can sign in again where the browser has no name.
    if (connection.browserId === undefined) {
      connection.close(POLICY_VIOLATION, 'Session ended');
      return;
    }
    if (!wasSignedIn) return;
    clearTimeout(connection.expiry);
    const giveUp = () => connection.close(POLICY_VIOLATION, 'Nobody has signed in again');
    connection.expiry = setTimeout(giveUp, limits.signedOutMs);
  };
  const refreshOrDrop = (connection: Connection): Promise<void> =>
    refreshOne(connection).catch((err) => {
      log.warn({ err }, 'session of a socket cannot be checked');
      connection.isSignedIn = false;
      connection.terminate();
    });
  // The database removes ended sessions up to a minute late, and only then there is a change to hear of.
  const expireAt = (connection: Connection, endsAt: Date): void => {
    clearTimeout(connection.expiry);
    const leftMs = Math.min(Math.max(endsAt.getTime() - Date.now(), 0) + 1, LONGEST_TIMER_MS);
    connection.expiry = setTimeout(() => void refreshOrDrop(connection), leftMs);
  };

  return {
    receivers,

    add(socket, caller, isHeld = false) {
      const connection = createConnection(socket, caller, limits, encodeResync);
      connection.isHeld = isHeld;
      socket.once('close', (code) => {
        remove(connection);
        log.debug({ userId: caller.userId, code }, 'socket closed');
      });
      socket.on('error', (err) => log.debug({ err, userId: caller.userId }, 'socket failed'));
      connections.add(connection);
      timer ??= tick();
      if (!isHeld) {
        receivers.add(connection);
        // The session may have ended between the check of the handshake and now, when no event is lost any more.
        void refreshOrDrop(connection);
      }
      return {
        receiver: connection,
        async refresh() {
          await refreshOrDrop(connection);
          return connections.has(connection) && connection.isSignedIn;
        },
        release() {
          connection.isHeld = false;
          if (connections.has(connection) && connection.isSignedIn) receivers.add(connection);
        },
      };
    },

    async refresh({ changes, lost }) {
      const changed = (name: string) => new Set(changes.filter((c) => c.collection === name).map((c) => c.id));
      const users = changed('users');
      const sessions = changed('sessions');
      // Rights that are the same as before have been others meanwhile.
      const marked = new Set(changes.filter((c) => c.collection === 'users' && c.marks).map((c) => c.id));
      for (const connection of connections) {
        const isConcerned = connection.isSignedIn
          ? users.has(connection.viewer.userId) || sessions.has(connection.sessionId)
          : users.size + sessions.size > 0;
        if (lost || isConcerned) await refreshOne(connection, marked.has(connection.viewer.userId));
      }
    },

    refreshAll() {
      for (const connection of connections) void refreshOrDrop(connection);
    },

    async closeAll() {
      if (connections.size === 0) return;
      const gone = new Promise<void>((resolve) => emptied.add(resolve));
      for (const connection of connections) connection.close(NORMAL, 'Server is stopping');
      const limit = setTimeout(() => {
        for (const connection of connections) connection.terminate();
      }, limits.closeMs);
      await gone;
      clearTimeout(limit);
    },
  };
}

// A round that comes late says that this process was busy, so answers of peers may wait unread: it is left out.
function startClock(everyMs: number, check: (now: number) => void): () => NodeJS.Timeout {
  return () => {
    let last = performance.now();
    return setInterval(() => {
      const now = performance.now();
      const isLate = now - last > 2 * everyMs;
      last = now;
      if (!isLate) check(now);
    }, everyMs);
  };
}
