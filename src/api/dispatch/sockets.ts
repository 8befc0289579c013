import { type IncomingMessage, type Server, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { WebSocketServer } from 'ws';
import { startChangeFeed } from '../../store/database/change_feed.js';
import type { CollectionName } from '../../store/database/database.js';
import { SAMPLE_RIGHTS_FIELDS } from '../../store/samples/sample_rights.js';
import type { SocketCaller, SocketIdentity } from '../account/authentication.js';
import type { ApiDeps } from '../deps.js';
import { encodeJson } from '../http/json.js';
import { badRequest, notFound, Refusal, requiresAuthorization, unavailable } from '../http/refusals.js';
import { createChangeLog, isPosition } from './change_log.js';
import { SOCKET_LIMITS, type SocketLimits } from './connection.js';
import { createConnections, type Held } from './connections.js';
import { createDispatcher } from './dispatcher.js';
import { INTERFACES } from './interfaces.js';
import { encodeResync } from './messages.js';

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
/** What decides who may read a sample or reference, and what the rights of a user are. */
const RIGHTS = [...new Set([...SAMPLE_RIGHTS_FIELDS, 'user', 'users', 'groups', 'administrator'])];

/**
 * Serves `/ws` on an HTTP server: signed-in browsers of our own pages get a message for every change that they may see, and those that come back with
 * `after` what they have missed. What browsers send is ignored. Handshakes wait until no change can be missed any more.
 */
export function attachSockets(server: Server, deps: SocketDeps): Sockets {
  const { store, log, identity } = deps;
  const changeLog = createChangeLog();
  const limits = { ...SOCKET_LIMITS, ...deps.limits };
  const connections = createConnections(identity, log, limits, () => encodeResync(changeLog.position()));
  const dispatcher = createDispatcher(store, log, changeLog, () => connections.receivers);
  const turns = createTurns();
  const feed = startChangeFeed(store.database, {
    collections: WATCHED,
    ignored: IGNORED,
    marked: RIGHTS,
    follower: store.database.kept.follower,
    onBatch: (batch) =>
      turns.take(async () => {
        await connections.refresh(batch);
        await dispatcher.dispatch(batch);
      }),
    onDropped: () =>
      void turns.take(async () => {
        connections.refreshAll();
        dispatcher.announceLoss();
      }),
    onTrouble: (err) => log.warn({ err }, 'change feed interrupted'),
  });
  const sockets = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    maxPayload: MAXIMUM_FRAME_BYTES,
    perMessageDeflate: false,
  });

  let returning: { held: Held; after: string }[] = [];
  // A live message that came between those of a replay could be newer than what these show.
  const replay = async (): Promise<void> => {
    const all = returning;
    returning = [];
    const areSignedIn = await Promise.all(all.map(({ held }) => held.refresh()));
    const present = all.filter((_, index) => areSignedIn[index]).map(({ held, after }) => ({ ...held, after }));
    await dispatcher.replay(present).catch((err: unknown) => {
      log.warn({ err }, 'missed messages cannot be sent');
      for (const { receiver } of present) receiver.resync();
    });
    for (const { held } of all) held.release();
  };

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
    const { caller, after } = admitted;
    sockets.handleUpgrade(request, stream, head, (socket) => {
      const held = connections.add(socket, caller, after !== undefined);
      if (after === undefined) return;
      returning.push({ held, after });
      if (returning.length === 1) void turns.take(replay);
    });
    await dispatcher.learnUnfinished().catch((err: unknown) => log.warn({ err }, 'unfinished documents are not known'));
  };
  const onUpgrade = (request: IncomingMessage, stream: Duplex, head: Buffer) => void accept(request, stream, head);
  server.on('upgrade', onUpgrade);
  return {
    async close() {
      server.off('upgrade', onUpgrade);
      await connections.closeAll();
      await feed.close();
      await turns.idle();
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

/** Who asks, and where they want to go on. */
type Admitted = { caller: SocketCaller; after: string | undefined };

async function admit(identity: SocketIdentity, request: IncomingMessage): Promise<Admitted | Refusal> {
  const [path, query] = (request.url ?? '').split('?');
  if (path !== PATH) return notFound();
  if (isForeign(request)) return new Refusal(403, 'foreign_origin', 'Requests from other sites are not accepted');
  const caller = await identity.fromCookies(request.headers.cookie);
  if (!caller) return requiresAuthorization();
  const after = new URLSearchParams(query).get('after') ?? undefined;
  if (after && !isPosition(after)) {
    return badRequest('`after` must be the `number` of the last message, or empty where there was none');
  }
  return { caller, after };
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

/** Lets one piece of work run at a time, in the order of asking. */
function createTurns() {
  let last: Promise<unknown> = Promise.resolve();
  return {
    take<T>(work: () => Promise<T>): Promise<T> {
      const done = last.then(work);
      last = done.catch(() => undefined);
      return done;
    },
    idle: async (): Promise<void> => void (await last),
  };
}
