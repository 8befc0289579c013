import { WebSocket } from 'ws';
import type { SocketCaller } from '../account/authentication.js';
import type { Caller } from '../http/caller.js';
import type { Receiver } from './messages.js';
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

/** An open socket and who is signed in in its browser. */
export type Connection = Receiver & {
  viewer: Viewer;
  sessionId: string;
  readonly browserId: string | undefined;
  /** Looks at the session again when it is to end. */
  expiry: NodeJS.Timeout | undefined;
  isSignedIn: boolean;
  /** Waits for a replay before it hears of anything else. */
  isHeld: boolean;
  close(code: number, reason: string): void;
  terminate(): void;
  /** Looks for silence and slowness; `now` in milliseconds of a steady clock. */
  check(now: number): void;
};

const AS_TEXT = { binary: false };

/** The rights of a caller. */
export function viewerOf({ userId, administrator, groups }: Caller): Viewer {
  return { userId, administrator, groups };
}

/** Watches over one socket, on which somebody is signed in. */
export function createConnection(
  socket: WebSocket,
  caller: SocketCaller,
  limits: SocketLimits,
  encodeResync: () => Buffer,
): Connection {
  let heardAt = performance.now();
  let pingedAt: number | undefined;
  let slowSince: number | undefined;
  let hasMissed = false;
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
  const post = (message: Buffer): void => {
    if (connection.isSignedIn && socket.readyState === WebSocket.OPEN) socket.send(message, AS_TEXT);
  };
  // Whoever has missed messages gets none before all that waits is read, and then learns of it first.
  const catchUp = (): boolean => {
    if (!hasMissed) return true;
    if (socket.bufferedAmount > 0) return false;
    hasMissed = false;
    post(encodeResync());
    return true;
  };
  const connection: Connection = {
    viewer: viewerOf(caller),
    sessionId: caller.sessionId,
    browserId: caller.browserId,
    expiry: undefined,
    isSignedIn: true,
    isHeld: false,
    send(message) {
      if (!isSlow(performance.now()) && catchUp()) post(message);
      else hasMissed = true;
    },
    resync() {
      if (hasMissed || isSlow(performance.now())) hasMissed = true;
      else post(encodeResync());
    },
    close: (code, reason) => socket.close(code, reason),
    terminate: () => socket.terminate(),
    check(now) {
      if (isSlow(now)) return;
      if (connection.isSignedIn && !connection.isHeld) catchUp();
      if (pingedAt !== undefined) {
        if (now - pingedAt > limits.answerMs) socket.terminate();
      } else if (now - heardAt >= limits.silenceMs && socket.readyState === WebSocket.OPEN) {
        pingedAt = now;
        socket.ping();
      }
    },
  };
  return connection;
}
