import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { WebSocket } from 'ws';
import { completePermissions } from '../src/contracts/permissions.js';
import { openDatabase, type Stored } from '../src/store/database/database.js';
import { createStore } from '../src/store/index.js';
import { canRead, type RightsHolder, type SampleRights } from '../src/store/samples/sample_rights.js';
import { type BenchClient, signIn } from './client.js';
import { type BenchServer, startServer } from './server.js';
import { printTable, quantile } from './table.js';

const SOCKETS = 1_000;
const USERS = 50;
const GROUPS = 5;
const SAMPLES = 60;
const CHANGES = 200;
const EVERY_MS = 100;
const BURSTS = 5;
const AT_ONCE = 50;
const OPENED_AT_ONCE = 25;
const ARRIVAL_LIMIT_MS = 20_000;
const LOGGED_MS = 500;
const DATABASE = 'virtool';

type Sample = Stored & SampleRights;

/** What has arrived: for the name that a change gives, when each socket heard of it. */
type Arrivals = Map<string, number[]>;

/**
 * Changes samples while many sockets of users with different rights listen: the time from the answer to each change until each socket that may see it
 * has it, and how often a content was encoded.
 */
export async function benchSockets(): Promise<void> {
  const server = await startServer(['--verbose']);
  const client = await signIn(server.url);
  try {
    const { users, samples, cookies } = await prepare(server);
    const arrivals: Arrivals = new Map();
    const sockets = await openSockets(server.url, cookies, arrivals);
    const listeners = samples.map((sample) => countReaders(users, sample) * (SOCKETS / USERS));
    const change = createChanges(client, samples, listeners, arrivals);
    await change(1);
    const before = await encoded(server);
    const single: number[] = [];
    for (let number = 0; number < CHANGES; number += 1) {
      single.push(...(await change(1)));
      await sleep(EVERY_MS);
    }
    const after = await encoded(server);
    const burst: number[] = [];
    for (let number = 0; number < BURSTS; number += 1) burst.push(...(await change(AT_ONCE)));
    const afterBurst = await encoded(server);
    for (const socket of sockets) socket.terminate();
    printTable(
      `Changes of a sample, told to ${SOCKETS} sockets of ${USERS} users: from the answer to each socket (ms)`,
      ['what', 'messages', 'p50', 'p99', 'max', 'goal', 'encoded per change'],
      [
        row('one at a time', single, 'p99 ≤ 250', (after - before) / CHANGES),
        row(`${AT_ONCE} at once`, burst, '', (afterBurst - after) / (BURSTS * AT_ONCE)),
      ],
    );
  } finally {
    client.close();
    await server.stop();
  }
}

function row(what: string, times: number[], goal: string, perChange: number): string[] {
  const values = [0.5, 0.99, 1].map((share) => quantile(times, share).toFixed(0));
  return [what, String(times.length), ...values, goal, perChange.toFixed(2)];
}

/** Gives a function that changes some samples at once and waits until all who may see them have heard; answers the times. */
function createChanges(
  client: BenchClient,
  samples: readonly Sample[],
  listeners: readonly number[],
  arrivals: Arrivals,
): (atOnce: number) => Promise<number[]> {
  let number = 0;
  const changeOne = async (): Promise<number[]> => {
    number += 1;
    const index = number % samples.length;
    const host = `host ${number}`;
    const heard: number[] = [];
    arrivals.set(host, heard);
    await client.send('PATCH', `/api/samples/${samples[index]?._id}`, { host });
    const answered = performance.now();
    const expected = listeners[index] ?? 0;
    for (const end = answered + ARRIVAL_LIMIT_MS; heard.length < expected; await sleep(5)) {
      if (performance.now() > end) throw new Error(`${heard.length} of ${expected} sockets have heard of ${host}`);
    }
    if (heard.length > expected) throw new Error(`${heard.length} sockets have heard of ${host}, and ${expected} may`);
    return heard.map((at) => at - answered);
  };
  return async (atOnce) => (await Promise.all(Array.from({ length: atOnce }, changeOne))).flat();
}

/** Users in groups, samples of theirs that all, a group or nobody else may read, and a session for each socket. */
async function prepare(server: BenchServer): Promise<{ users: RightsHolder[]; samples: Sample[]; cookies: string[] }> {
  const database = await openDatabase({ url: server.databaseUrl, name: DATABASE });
  const store = createStore(database);
  const users = Array.from({ length: USERS }, (_, n) => ({
    userId: `user${n}`,
    administrator: n === 0,
    groups: [`group${n % GROUPS}`, `group${(n + 1) % GROUPS}`],
  }));
  const samples = Array.from({ length: SAMPLES }, (_, n) => ({
    ...{ _id: `sample${n}`, name: `Sample ${n}`, user: { id: `user${n % USERS}` }, group: `group${n % GROUPS}` },
    ...{ group_read: n % 3 !== 0, group_write: false, all_read: n % 3 === 2, all_write: false, created_at: new Date() },
    ...{ imported: false, pathoscope: false, nuvs: false, archived: false },
  }));
  await database.collection<Stored & Record<string, unknown>>('users').insertMany(
    users.map(({ userId, administrator, groups }) => ({
      ...{ _id: userId, administrator, groups, primary_group: '', permissions: completePermissions({}) },
      ...{ identicon: '', last_password_change: new Date(), force_reset: false, settings: {} },
    })),
  );
  await database.collection<Sample>('samples').insertMany(samples);
  const cookies: string[] = [];
  for (let n = 0; n < SOCKETS; n += 1) {
    const userId = `user${n % USERS}`;
    const { sessionId, token } = await store.sessions.open({ userId, remember: false, ip: '127.0.0.1' });
    cookies.push(`session_id=${sessionId}; session_token=${token}`);
  }
  await database.close();
  return { users, samples, cookies };
}

function countReaders(users: readonly RightsHolder[], sample: Sample): number {
  return users.filter((user) => user.administrator || canRead(user, sample)).length;
}

async function openSockets(url: string, cookies: readonly string[], arrivals: Arrivals): Promise<WebSocket[]> {
  const sockets: WebSocket[] = [];
  const open = async (cookie: string) => {
    const socket = new WebSocket(`${url.replace('http', 'ws')}/ws`, { headers: { cookie } });
    socket.on('message', (data) => {
      const at = performance.now();
      const host = /"host":"(host \d+)"/.exec(String(data))?.[1];
      arrivals.get(host ?? '')?.push(at);
    });
    await once(socket, 'open');
    sockets.push(socket);
  };
  for (let n = 0; n < cookies.length; n += OPENED_AT_ONCE) {
    await Promise.all(cookies.slice(n, n + OPENED_AT_ONCE).map(open));
  }
  return sockets;
}

/** How many contents the server has encoded for messages so far, by its log. */
async function encoded(server: BenchServer): Promise<number> {
  // A batch is logged when all of it is sent.
  await sleep(LOGGED_MS);
  const lines = readFileSync(join(server.folder, 'data', 'logs', 'api.log'), 'utf8').split('\n');
  const told = lines.filter((line) => line.includes('"changes told"'));
  return told.reduce((sum, line) => sum + (JSON.parse(line) as { contents: number }).contents, 0);
}
