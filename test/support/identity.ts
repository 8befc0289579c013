import bcrypt from 'bcrypt';
import type { Hono } from 'hono';
import { pino } from 'pino';
import { createAuthenticate } from '../../src/api/account/authentication.js';
import { createApp } from '../../src/api/app.js';
import type { ApiDeps } from '../../src/api/deps.js';
import type { Env } from '../../src/api/http/route.js';
import { readConfig } from '../../src/config.js';
import type { WorkflowStart } from '../../src/contracts/workflow_starts.js';
import { createDataDirectory } from '../../src/files/data_directory.js';
import { ensureIndexes } from '../../src/store/database/indexes.js';
import { createStore } from '../../src/store/index.js';
import { openWatchedDatabase } from './command_rules.js';
import { unreachableServices } from './remote.js';
import { testDatabase } from './servers.js';

/** Password of every user that {@link IdentityServer.addUser} makes. */
export const PASSWORD = 'walk-password';

/** An answer, read. */
export type Answer = {
  status: number;
  headers: Headers;
  /** Parsed JSON, else text. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every form
  body: any;
  /** `Set-Cookie` lines by cookie name. */
  cookies: Record<string, string>;
};

/** A client with a cookie jar and an address of its own. */
export type Browser = {
  cookies: Map<string, string>;
  send(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer>;
};

/** The application with real sessions on a database of its own. */
export type IdentityServer = Awaited<ReturnType<typeof identityServer>>;

/** Builds the application with its real authentication. */
export async function identityServer(argv: string[] = []) {
  const temporary = await testDatabase();
  const database = await openWatchedDatabase({ url: temporary.url, name: temporary.name });
  await ensureIndexes(database);
  const started: WorkflowStart[] = [];
  const reachable = { temporal: true };
  const deps: ApiDeps = {
    config: readConfig({ argv, environment: {}, directory: '/nonexistent' }),
    store: createStore(database),
    files: createDataDirectory('/nonexistent'),
    workflows: {
      start: async (start) => void started.push(start),
      cancel: async () => undefined,
      isReachable: async () => reachable.temporal,
    },
    remote: unreachableServices(),
    log: pino({ level: process.env.VT_TEST_LOG ?? 'silent' }),
    version: 'v9.8.7',
  };
  await deps.store.settings.ensure();
  const app = createApp(deps, createAuthenticate(deps));

  const browser = (address = '192.0.2.1') => createBrowser(app, address);
  const addUser = async (
    id: string,
    options: { administrator?: boolean; forceReset?: boolean; groups?: string[] } = {},
  ): Promise<void> => {
    const passwordHash = await bcrypt.hash(PASSWORD, 4);
    const { administrator = false, forceReset = false } = options;
    await deps.store.users.insert({ id, passwordHash, administrator, forceReset });
    if (options.groups) await deps.store.users.update(id, { groups: options.groups });
  };
  const signIn = async (username: string, address?: string): Promise<Browser> => {
    const client = browser(address);
    const answer = await client.send('POST', '/api/account/login', { username, password: PASSWORD });
    if (answer.status !== 201) throw new Error(`${username} cannot sign in: ${answer.status}`);
    return client;
  };

  return {
    deps,
    app,
    database,
    db: temporary.db,
    reachable,
    browser,

    addUser,
    signIn,

    /** Adds the administrator `head` and signs in. */
    async addHead(): Promise<Browser> {
      await addUser('head', { administrator: true });
      return signIn('head');
    },

    async dispose() {
      await database.close();
      await temporary.dispose();
    },
  };
}

function createBrowser(app: Hono<Env>, address: string): Browser {
  const cookies = new Map<string, string>();
  return {
    cookies,
    async send(method, path, body, headers = {}) {
      const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ');
      const content = body === undefined || typeof body === 'string' ? body : JSON.stringify(body);
      const request = {
        method,
        headers: { ...(cookie ? { Cookie: cookie } : {}), ...headers },
        ...(content === undefined ? {} : { body: content }),
      };
      const socket = { remoteAddress: address };
      const response = await app.request(path, request, { incoming: { socket } });
      const set = response.headers.getSetCookie();
      for (const line of set) keep(cookies, line);
      const text = await response.text();
      const isJson = response.headers.get('Content-Type')?.startsWith('application/json');
      return {
        status: response.status,
        headers: response.headers,
        body: isJson && text ? JSON.parse(text) : text,
        cookies: Object.fromEntries(set.map((line) => [line.split('=')[0], line])),
      };
    },
  };
}

function keep(cookies: Map<string, string>, line: string): void {
  const [pair = '', ...attributes] = line.split(';');
  const [name = '', value = ''] = pair.split('=');
  if (attributes.some((attribute) => /^\s*max-age=0$/i.test(attribute))) cookies.delete(name);
  else cookies.set(name, value);
}
