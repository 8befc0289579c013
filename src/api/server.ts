import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createAdaptorServer } from '@hono/node-server';
import { ensureIndexes } from '../store/database/indexes.js';
import { createAuthenticate } from './account/authentication.js';
import { createApp } from './app.js';
import type { ApiDeps } from './deps.js';

const HEADERS_LIMIT_MS = 60_000;
/** A connection on which nothing moves for so long is closed; uploads as such may take as long as they want. */
const IDLE_LIMIT_MS = 5 * 60_000;
const STOP_LIMIT_MS = 10_000;
const IDLE_CHECK_MS = 50;

/** The server cannot listen; the message tells where, why and what to do. */
export class ListenError extends Error {
  override name = 'ListenError';
}

/** What holds WebSocket connections of the server. */
export type AttachedSockets = {
  /** Closes all connections with code 1000 and takes no new ones. */
  close(): Promise<void>;
};

/** What {@link startApi} needs; `attach` may listen to `upgrade` of the HTTP server, before that takes connections. */
export type StartApiOptions = { deps: ApiDeps; attach?: (server: Server) => Promise<AttachedSockets> };

/** The API while it runs. */
export type RunningApi = {
  port: number;
  url: string;
  /** Takes no new connections, closes sockets, lets requests end for at most `limitMs`, then cuts them off. */
  stop(limitMs?: number): Promise<void>;
};

/**
 * Brings indexes, settings and status in line with the code, then listens on the configured address.
 *
 * @throws ListenError when the address cannot be listened on.
 */
export async function startApi({ deps, attach }: StartApiOptions): Promise<RunningApi> {
  const { config, store, log } = deps;
  if (!config.no_db_checks) await ensureIndexes(store.database);
  await store.settings.ensure();
  await store.status.ensure(deps.version);

  const app = createApp(deps, createAuthenticate(deps));
  const server = createAdaptorServer({ fetch: app.fetch }) as Server;
  server.requestTimeout = 0;
  server.headersTimeout = HEADERS_LIMIT_MS;
  server.timeout = IDLE_LIMIT_MS;
  const sockets = await attach?.(server);
  const port = await listen(server, config.host, config.port).catch(async (error: unknown) => {
    await sockets?.close();
    throw error;
  });
  const url = `http://${config.host.includes(':') ? `[${config.host}]` : config.host}:${port}`;
  log.info({ url }, 'listening');

  let stopping: Promise<void> | undefined;
  return {
    port,
    url,
    stop(limitMs = STOP_LIMIT_MS) {
      stopping ??= stop(server, sockets, limitMs);
      return stopping;
    },
  };
}

async function stop(server: Server, sockets: AttachedSockets | undefined, limitMs: number): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  // A connection whose request has just ended is kept for the next one, which will not be answered.
  const idle = setInterval(() => server.closeIdleConnections(), IDLE_CHECK_MS);
  const limit = setTimeout(() => server.closeAllConnections(), limitMs);
  try {
    await sockets?.close();
    await closed;
  } finally {
    clearInterval(idle);
    clearTimeout(limit);
  }
}

function listen(server: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const fail = (error: NodeJS.ErrnoException) => reject(explain(error, host, port));
    server.once('error', fail);
    // `localhost` may mean ::1 alone, and then those who ask for 127.0.0.1 find nobody.
    server.listen({ host: host === 'localhost' ? '127.0.0.1' : host, port }, () => {
      server.off('error', fail);
      resolve((server.address() as AddressInfo).port);
    });
  });
}

function explain(error: NodeJS.ErrnoException, host: string, port: number): ListenError {
  const reasons: Record<string, string> = {
    EADDRINUSE:
      `Port ${port} on ${host} is taken by another program. End that program ` +
      `(see who it is: ss -ltnp 'sport = :${port}'), or choose another port with --port.`,
    EACCES: `Port ${port} on ${host} may not be used by this user. Choose a port above 1023 with --port.`,
    EADDRNOTAVAIL: `${host} is not an address of this machine. Give one of its own with --host.`,
    ENOTFOUND: `The host name ${host} is not known. Check --host.`,
  };
  const message = reasons[error.code ?? ''] ?? `${host}:${port} cannot be listened on: ${error.message}. Check --host.`;
  return new ListenError(message, { cause: error });
}
