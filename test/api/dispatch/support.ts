import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, vi } from 'vitest';
import { WebSocket } from 'ws';
import { createSocketIdentity } from '../../../src/api/account/authentication.js';
import type { SocketLimits } from '../../../src/api/dispatch/connection.js';
import { attachSockets } from '../../../src/api/dispatch/sockets.js';
import { completePermissions } from '../../../src/contracts/permissions.js';
import type { Stored } from '../../../src/store/database/database.js';
import { createStore } from '../../../src/store/index.js';
import { openWatchedDatabase } from '../../support/command_rules.js';
import { type TestDatabase, testDatabase } from '../../support/servers.js';

export type Message = { operation: string; interface: string; data: Record<string, unknown> | string[] };

/** A browser: what it got, and how its socket was closed. */
export type Browser = {
  socket: WebSocket;
  /** Messages about documents, without their numbers. */
  messages: Message[];
  /** Number of the last message. */
  last(): string;
  /** How often it was told to read all again. */
  resyncs(): number;
  closeCode(): number | undefined;
  /** Messages about one interface. */
  of(name: string): Message[];
  /** Waits until a message fits. */
  until(fits: (message: Message) => boolean): Promise<Message>;
};

export const LIMIT = { timeout: 20_000, interval: 10 };

/** A socket server on a database, with real sessions. `stop` ends all. */
export async function startSockets({ url, name }: { url: string; name: string }, limits: Partial<SocketLimits> = {}) {
  const database = await openWatchedDatabase({ url, name });
  const store = createStore(database);
  const server = createServer();
  const log = pino({ level: 'silent' });
  const identity = createSocketIdentity({ store });
  const sockets = attachSockets(server, { store, log, version: 'v0.0.0', identity, limits });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const browsers: WebSocket[] = [];

  const write = (collection: string) => database.db.collection<Stored & Record<string, unknown>>(collection);

  return {
    database,
    store,
    host,
    server,
    sockets,
    write,

    async addUser(id: string, more: { administrator?: boolean; groups?: string[] } = {}) {
      await write('users').insertOne(userDocument(id, more));
    },

    /** Signs in; in a browser with a name when one is given. */
    async signIn(userId: string, browserId?: string) {
      const named = browserId === undefined ? {} : { browserId };
      const { sessionId, token } = await store.sessions.open({ userId, remember: false, ip: '127.0.0.1', ...named });
      const cookie = `session_id=${sessionId}; session_token=${token}`;
      return { sessionId, token, cookie: browserId === undefined ? cookie : `${cookie}; browser_id=${browserId}` };
    },

    /** Opens a socket; one that goes on after the message with the number `after` if that is given. */
    async connect(cookie: string, { after }: { after?: string } = {}): Promise<Browser> {
      const query = after === undefined ? '' : `?after=${after}`;
      const socket = new WebSocket(`ws://${host}/ws${query}`, { headers: { Cookie: cookie } });
      browsers.push(socket);
      const messages: Message[] = [];
      let code: number | undefined;
      let last = '';
      let resyncs = 0;
      socket.on('message', (data) => {
        const { number, ...message } = JSON.parse(String(data));
        last = number;
        if (message.operation === 'resync') resyncs += 1;
        else messages.push(message);
      });
      socket.on('close', (given) => {
        code = given;
      });
      await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
      return {
        socket,
        messages,
        last: () => last,
        resyncs: () => resyncs,
        closeCode: () => code,
        of: (wanted) => messages.filter((message) => message.interface === wanted),
        until: (fits) =>
          vi.waitFor(() => {
            const found = messages.find(fits);
            expect(found, JSON.stringify(messages)).toBeDefined();
            return found as Message;
          }, LIMIT),
      };
    },

    async stop() {
      for (const browser of browsers) browser.terminate();
      await sockets.close();
      await new Promise((resolve) => server.close(resolve));
      await database.close();
    },
  };
}

export type TestSockets = Awaited<ReturnType<typeof startSockets>>;

/** A database that is new for each test, and socket servers on it; all of them end with the test. */
export function socketsForEachTest() {
  let database: TestDatabase;
  const running: TestSockets[] = [];
  beforeEach(async () => {
    database = await testDatabase();
  });
  afterEach(async () => {
    for (const sockets of running.splice(0)) await sockets.stop();
    await database.dispose();
  });
  return {
    database: () => database,
    async start(limits: Partial<SocketLimits> = {}): Promise<TestSockets> {
      const sockets = await startSockets(database, limits);
      running.push(sockets);
      return sockets;
    },
  };
}

/** A user as stored. */
export function userDocument(id: string, more: { administrator?: boolean; groups?: string[] } = {}) {
  return {
    _id: id,
    administrator: more.administrator ?? false,
    groups: more.groups ?? [],
    primary_group: '',
    permissions: completePermissions({}),
    identicon: 'abc',
    last_password_change: new Date(0),
    force_reset: false,
    invalidate_sessions: false,
    settings: {},
    email: 'a@example.com',
    password: 'secret',
    salt: 'secret',
  };
}
