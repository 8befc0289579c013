import { type IncomingMessage, type Server, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { WebSocketServer } from 'ws';
import { startChangeFeed } from '../../store/database/change_feed.js';
import type { CollectionName } from '../../store/database/database.js';
import type { SocketCaller, SocketIdentity } from '../account/authentication.js';
import type { ApiDeps } from '../deps.js';
import { encodeJson } from '../http/json.js';
import { notFound, Refusal, requiresAuthorization, unavailable } from '../http/refusals.js';
import { createConnections, SOCKET_LIMITS, type SocketLimits } from './connections.js';
import { createDispatcher } from './dispatcher.js';
import { INTERFACES } from './interfaces.js';

/** What the socket server is built from. */
export type SocketDeps = Pick<ApiDeps, 'store' | 'log' | 'version'> & {
  identity: SocketIdentity;
  limits?: Partial<SocketLimits>;
};

/** The running socket server. */
export type Sockets = {
  /** Takes no more connections, closes the open ones with 1000 and ends the change feed. */
  close(): Promise<void>;
};

const PATH = '/ws';
const OPEN_LIMIT_MS = 10_000;
const MAXIMUM_FRAME_BYTES = 4 * 1024 ** 2;
/** Not shown to browsers, but they decide who hears of what. */
const WATCHED: readonly CollectionName[] = [...INTERFACES.map(({ collection }) => collection), 'sessions'];
const IGNORED = INTERFACES.flatMap(({ collection, ignored }) =>
  ignored ? [{ 'ns.coll': collection, ...ignored }] : [],
);

/**
 * Serves `/ws` on an HTTP server: signed-in browsers of our own pages get a message for every change that they may see.
 * What browsers send is ignored. Handshakes wait until no change can be missed any more.
 */
export function attachSockets(server: Server, deps: SocketDeps): Sockets {
  const { store, log, identity } = deps;
  const connections = createConnections(identity, log, { ...SOCKET_LIMITS, ...deps.limits });
  const dispatcher = createDispatcher(store, log, () => connections.receivers);
  const feed = startChangeFeed(store.database, {
    collections: WATCHED,
    ignored: IGNORED,
    follower: store.database.kept.follower,
    async onBatch(batch) {
      await connections.refresh(batch);
      await dispatcher.dispatch(batch);
    },
    onTrouble: (err) => log.warn({ err }, 'change feed interrupted'),
  });
  const sockets = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    maxPayload: MAXIMUM_FRAME_BYTES,
    perMessageDeflate: false,
  });

  const accept = async (request: IncomingMessage, stream: Duplex, head: Buffer): Promise<void> => {
    const ignore = () => undefined;
    stream.on('error', ignore);
    const admitted = await whenOpen(feed.opened)
      .then(() => admit(identity, request))
      .catch((err) => {
        log.warn({ err }, 'handshake cannot be checked');
        return unavailable('The database is not reachable at the moment');
      });
    if (admitted instanceof Refusal) return refuse(stream, admitted, deps.version);
    stream.off('error', ignore);
    sockets.handleUpgrade(request, stream, head, (socket) => connections.add(socket, admitted));
    await dispatcher.learnUnfinished().catch((err: unknown) => log.warn({ err }, 'unfinished documents are not known'));
  };
  const onUpgrade = (request: IncomingMessage, stream: Duplex, head: Buffer) => void accept(request, stream, head);
  server.on('upgrade', onUpgrade);
  return {
    async close() {
      server.off('upgrade', onUpgrade);
      await connections.closeAll();
      await feed.close();
    },
  };
}

async function whenOpen(opened: Promise<void>): Promise<void> {
  const limit = new AbortController();
  const late = delay(OPEN_LIMIT_MS, undefined, { signal: limit.signal }).then(() => {
    throw new Error(`The change feed did not open within ${OPEN_LIMIT_MS} ms`);
  });
  try {
    await Promise.race([opened, late]);
  } finally {
    limit.abort();
    late.catch(() => undefined);
  }
}

async function admit(identity: SocketIdentity, request: IncomingMessage): Promise<SocketCaller | Refusal> {
  if (request.url?.split('?')[0] !== PATH) return notFound();
  if (isForeign(request)) return new Refusal(403, 'foreign_origin', 'Requests from other sites are not accepted');
  return (await identity.fromCookies(request.headers.cookie)) ?? requiresAuthorization();
}

// Scripts send no origin; the page of another site cannot hide its own.
function isForeign({ headers: { origin, host } }: IncomingMessage): boolean {
  return origin !== undefined && !(URL.canParse(origin) && new URL(origin).host === host);
}

function refuse(stream: Duplex, refusal: Refusal, version: string): void {
  const body = encodeJson(refusal.body);
  const head = [
    `HTTP/1.1 ${refusal.status} ${STATUS_CODES[refusal.status] ?? ''}`,
    'Content-Type: application/json; charset=utf-8',
    `Content-Length: ${Buffer.byteLength(body)}`,
    `X-Virtool-Version: ${version}`,
    'Connection: close',
    ...Object.entries(refusal.headers).map(([name, value]) => `${name}: ${value}`),
  ];
  stream.end(`${head.join('\r\n')}\r\n\r\n${body}`);
}
