import { WebSocket } from 'ws';
import type { Logger } from '../../log.js';
import type { ChangeBatch } from '../../store/database/change_feed.js';
import type { SocketCaller, SocketIdentity } from '../account/authentication.js';
import type { Caller } from '../http/caller.js';
import type { Receiver } from './dispatcher.js';
import type { Viewer } from './visibility.js';

/** How long peers may be silent and how much may wait for them. */
export type SocketLimits = {
  /** A peer that sent nothing for this long is pinged. */
  silenceMs: number;
  /** A ping that is not answered for this long ends the connection. */
  answerMs: number;
  /** While more than this waits for a slow peer, messages pass it by. */
  bufferedBytes: number;
  /** A peer that stays slow for this long is dropped. */
  slowMs: number;
  /** How long a peer may take to answer the close at shutdown. */
  closeMs: number;
  /** How long a socket stays open, silent, where nobody is signed in. */
  signedOutMs: number;
};

/** The limits of the wire contract. */
export const SOCKET_LIMITS: SocketLimits = {
  silenceMs: 5_000,
  answerMs: 2_500,
  bufferedBytes: 4 * 1024 ** 2,
  slowMs: 15_000,
  closeMs: 2_000,
  signedOutMs: 12 * 3_600_000,
};

/** WebSocket close codes. */
const NORMAL = 1000;
const POLICY_VIOLATION = 1008;

const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** The open connections. */
export type Connections = {
  /** Those where somebody is signed in. */
  readonly receivers: ReadonlySet<Receiver>;
  /** Takes over a socket whose handshake is done. */
  add(socket: WebSocket, caller: SocketCaller): void;
  /** Gives connections the rights of whoever is signed in now when a user or session changed; where nobody is, they fall silent. */
  refresh(batch: ChangeBatch): Promise<void>;
  /** Says goodbye to all and waits until they are gone. */
  closeAll(): Promise<void>;
};

type Connection = Receiver & {
  viewer: Viewer;
  sessionId: string;
  readonly browserId: string | undefined;
  /** Looks at the session again when it is to end. */
  expiry: NodeJS.Timeout | undefined;
  close(code: number, reason: string): void;
  terminate(): void;
  /** Looks for silence and slowness; `now` in milliseconds of a steady clock. */
  check(now: number): void;
};

/** Creates the set of connections, which watches over their heartbeat. */
export function createConnections(identity: SocketIdentity, log: Logger, limits: SocketLimits): Connections {
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
  const refreshOne = async (connection: Connection): Promise<void> => {
    const session = await identity.current(connection);
    if (!connections.has(connection)) return;
    if (!session) return signOut(connection);
    connection.viewer = viewerOf(session.caller);
    connection.sessionId = session.sessionId;
    receivers.add(connection);
    expireAt(connection, session.endsAt);
  };
  const signOut = (connection: Connection): void => {
    const wasSignedIn = receivers.delete(connection);
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
  const refreshOrDrop = (connection: Connection): void => {
    refreshOne(connection).catch((err) => {
      log.warn({ err }, 'session of a socket cannot be checked');
      connection.terminate();
    });
  };
  // The database removes ended sessions up to a minute late, and only then there is a change to hear of.
  const expireAt = (connection: Connection, endsAt: Date): void => {
    clearTimeout(connection.expiry);
    const leftMs = Math.min(Math.max(endsAt.getTime() - Date.now(), 0) + 1, LONGEST_TIMER_MS);
    connection.expiry = setTimeout(() => refreshOrDrop(connection), leftMs);
  };

  return {
    receivers,

    add(socket, caller) {
      const connection = createConnection(socket, caller, limits);
      socket.once('close', (code) => {
        remove(connection);
        log.debug({ userId: caller.userId, code }, 'socket closed');
      });
      socket.on('error', (err) => log.debug({ err, userId: caller.userId }, 'socket failed'));
      connections.add(connection);
      receivers.add(connection);
      timer ??= tick();
      // The session may have ended between the check of the handshake and now, when no event is lost any more.
      refreshOrDrop(connection);
    },

    async refresh({ changes, lost }) {
      const changed = (name: string) => new Set(changes.filter((c) => c.collection === name).map((c) => c.id));
      const users = changed('users');
      const sessions = changed('sessions');
      for (const connection of connections) {
        const isConcerned = receivers.has(connection)
          ? users.has(connection.viewer.userId) || sessions.has(connection.sessionId)
          : users.size + sessions.size > 0;
        if (lost || isConcerned) await refreshOne(connection);
      }
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

function viewerOf({ userId, administrator, groups }: Caller): Viewer {
  return { userId, administrator, groups };
}

function createConnection(socket: WebSocket, caller: SocketCaller, limits: SocketLimits): Connection {
  let heardAt = performance.now();
  let pingedAt: number | undefined;
  let slowSince: number | undefined;
  const hear = () => {
    heardAt = performance.now();
    pingedAt = undefined;
  };
  for (const event of ['message', 'ping', 'pong'] as const) socket.on(event, hear);

  const isSlow = (now: number): boolean => {
    slowSince = socket.bufferedAmount > limits.bufferedBytes ? (slowSince ?? now) : undefined;
    if (slowSince !== undefined && now - slowSince > limits.slowMs) socket.terminate();
    return slowSince !== undefined;
  };
  return {
    viewer: viewerOf(caller),
    sessionId: caller.sessionId,
    browserId: caller.browserId,
    expiry: undefined,
    send(text) {
      if (socket.readyState === WebSocket.OPEN && !isSlow(performance.now())) socket.send(text);
    },
    close: (code, reason) => socket.close(code, reason),
    terminate: () => socket.terminate(),
    check(now) {
      if (isSlow(now)) return;
      if (pingedAt !== undefined) {
        if (now - pingedAt > limits.answerMs) socket.terminate();
      } else if (now - heardAt >= limits.silenceMs && socket.readyState === WebSocket.OPEN) {
        pingedAt = now;
        socket.ping();
      }
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
