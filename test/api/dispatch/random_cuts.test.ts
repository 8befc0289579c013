import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createSocketIdentity } from '../../../src/api/account/authentication.js';
import { attachSockets } from '../../../src/api/dispatch/sockets.js';
import { type RunningApi, startApi } from '../../../src/api/server.js';
import { type IdentityServer, identityServer } from '../../support/identity.js';
import { createLiveLists, type Lists, type LiveLists, readLists } from '../../support/live_lists.js';
import { createRandom } from '../../support/random_requests.js';
import { waitFor } from '../../support/wait.js';
import { userDocument } from './support.js';

/** VT_SOCKETS=200 VT_CHANGES=20000 for the long walk, VT_SEED for another one. */
const SOCKETS = Number(process.env.VT_SOCKETS ?? 30);
const CHANGES = Number(process.env.VT_CHANGES ?? 1_500);
const SEED = Number(process.env.VT_SEED ?? 20_261_201);
const CHANGES_PER_CUT = 15;
const CHANGES_PER_RIGHT = 75;
/** As many people as make fewer OTU changes than what counts as bulk work. */
const CHANGES_PER_TURN = 10;

const USERS = Array.from({ length: 12 }, (_, number) => `user${number}`);
const GROUPS = ['one', 'two', 'three', 'none'];
const PATHS: Record<string, string> = {
  samples: '/api/samples',
  references: '/api/refs',
  jobs: '/api/jobs',
  files: '/api/files',
  groups: '/api/groups',
  otus: '/api/otus',
};
/** Counted from other documents while a reference is read, whose changes are not its own. */
const COUNTED = ['otu_count', 'unbuilt_change_count'];
const at = new Date(1_600_000_000_000);

const random = createRandom(SEED);
const oneOf = <T>(list: readonly T[]): T => list[random(list.length)] as T;
const some = <T>(list: readonly T[]): T[] => list.filter(() => random(3) === 0);

let server: IdentityServer;
const apis: RunningApi[] = [];
beforeAll(async () => {
  server = await identityServer(['--port=0']);
  for (let number = 0; number < 2; number += 1) {
    const identity = createSocketIdentity(server.deps);
    const attach = async (http: Parameters<typeof attachSockets>[0]) =>
      attachSockets(http, { ...server.deps, identity });
    apis.push(await startApi({ deps: server.deps, attach }));
  }
});
afterAll(async () => {
  for (const api of apis) await api.stop(0);
  await server?.dispose();
});

const collection = (name: string) => server.db.collection<{ _id: string } & Record<string, unknown>>(name);

const rightsOfSample = () => ({ group: oneOf(GROUPS), group_read: random(2) === 0, all_read: random(4) === 0 });
const membersOf = () => ({ users: some(USERS).map((id) => ({ id })), groups: some(GROUPS).map((id) => ({ id })) });

type Kind = { count: number; make(id: string): Record<string, unknown>; set(): Record<string, unknown> };

/** The documents, of which some belong to others: how a new one looks, and what of it a change may set. */
const KINDS: Record<string, Kind> = {
  samples: {
    count: 40,
    make: (id) => ({ name: id, user: { id: oneOf(USERS) }, created_at: at, imported: false, ...rightsOfSample() }),
    set: () => ({ name: `sample ${random(1e6)}` }),
  },
  references: {
    count: 8,
    make: (id) => ({ name: id, user: { id: oneOf(USERS) }, created_at: at, data_type: 'genome', ...membersOf() }),
    set: () => ({ name: `reference ${random(1e6)}` }),
  },
  jobs: {
    count: 60,
    make: () => ({
      ...{ task: 'nuvs', args: { sample_id: anyId('samples') }, proc: 1, mem: 1, user: { id: oneOf(USERS) } },
      ...{ created_at: at, status: [{ state: 'waiting', stage: null, error: null, progress: 0, timestamp: at }] },
    }),
    set: () => ({ proc: random(1_000) }),
  },
  otus: {
    count: 40,
    make: (id) => ({
      name: id,
      abbreviation: '',
      reference: { id: anyId('references') },
      verified: true,
      version: 0,
    }),
    set: () => ({ version: random(1e6), name: `otu ${random(1e6)}` }),
  },
  files: {
    count: 20,
    make: (id) => ({ name: id, type: 'reads', user: { id: 'user0' }, uploaded_at: at, ready: true, reserved: false }),
    set: () => ({ size: random(1e6) }),
  },
  groups: { count: 10, make: () => ({ permissions: {} }), set: () => ({ 'permissions.cancel_job': random(2) === 0 }) },
};
const CROWD = Object.entries(KINDS).flatMap(([name, { count }]) => Array.from({ length: count }, () => name));
/** What others belong to gets a new id when it is made again, as on a real server. */
const made: Record<string, number> = { samples: 40, references: 8 };
const anyId = (name: string): string => {
  const count = KINDS[name]?.count ?? 0;
  return `${name}${(made[name] ?? count) - 1 - random(count)}`;
};

async function changeRandomly(): Promise<void> {
  const name = oneOf(CROWD);
  const kind = KINDS[name] as Kind;
  const _id = anyId(name);
  const what = name in made ? 9 : random(10);
  if (what === 0) await collection(name).deleteOne({ _id });
  else if (what < 3) await collection(name).updateOne({ _id }, { $setOnInsert: kind.make(_id) }, { upsert: true });
  else await collection(name).updateOne({ _id }, { $set: kind.set() });
}

async function changeRights(): Promise<void> {
  const what = random(4);
  if (what === 0) await collection('users').updateOne({ _id: oneOf(USERS) }, { $set: { groups: some(GROUPS) } });
  else if (what === 1) await collection('references').updateOne({ _id: anyId('references') }, { $set: membersOf() });
  else if (what === 2) await collection('samples').updateOne({ _id: anyId('samples') }, { $set: rightsOfSample() });
  else await replace(oneOf(Object.keys(made)));
}

async function replace(name: string): Promise<void> {
  const number = made[name] ?? 0;
  const _id = `${name}${number}`;
  await collection(name).deleteOne({ _id: anyId(name) });
  await collection(name).insertOne({ _id, ...KINDS[name]?.make(_id) });
  made[name] = number + 1;
}

/** What two rows of one document have in common must be equal. */
function differences(shown: Lists, read: Lists): string[] {
  return Object.keys(PATHS).flatMap((name) => {
    const [left, right] = [shown.get(name) ?? new Map(), read.get(name) ?? new Map()];
    return [...new Set([...left.keys(), ...right.keys()])].flatMap((id) => {
      const [a, b] = [left.get(id), right.get(id)];
      if (!a || !b) return [`${name} ${id} is ${a ? 'shown, but gone' : 'not shown'}`];
      const other = Object.keys(a).filter(
        (key) => key in b && !COUNTED.includes(key) && JSON.stringify(a[key]) !== JSON.stringify(b[key]),
      );
      return other.map((key) => `${name} ${id}.${key}: ${JSON.stringify(a[key])} for ${JSON.stringify(b[key])}`);
    });
  });
}

test(`${SOCKETS} sockets with random cuts show after ${CHANGES} changes what a fresh GET shows`, {
  timeout: 60_000 + CHANGES * 50,
}, async () => {
  for (const [number, id] of USERS.entries()) {
    await collection('users').insertOne(userDocument(id, { administrator: number === 0, groups: some(GROUPS) }));
  }
  for (const [name, { count, make }] of Object.entries(KINDS)) {
    const documents = Array.from({ length: count }, (_, number) => ({
      _id: `${name}${number}`,
      ...make(`${name}${number}`),
    }));
    await collection(name).insertMany(documents);
  }
  const cookies = new Map<string, string>();
  for (const userId of USERS) {
    const { sessionId, token } = await server.deps.store.sessions.open({ userId, remember: false, ip: '127.0.0.1' });
    cookies.set(userId, `session_id=${sessionId}; session_token=${token}`);
  }
  const [first, second] = apis.map(({ url }) => url) as [string, string];
  const pages = Array.from({ length: SOCKETS }, (_, number) => {
    const userId = USERS[number % USERS.length] as string;
    return { userId, live: createLiveLists(cookies.get(userId) as string, PATHS) };
  });
  await Promise.all(pages.map(({ live }) => live.open(first)));

  const away = new Set<LiveLists>();
  const returns: Promise<void>[] = [];
  for (let change = 0; change < CHANGES; change += CHANGES_PER_TURN) {
    const turn = Array.from({ length: CHANGES_PER_TURN }, (_, index) => change + index);
    await Promise.all(turn.map((number) => (number % CHANGES_PER_RIGHT === 0 ? changeRights() : changeRandomly())));
    for (const number of turn.filter((one) => one % CHANGES_PER_CUT === 0)) {
      const { live } = oneOf(pages);
      if (away.has(live)) continue;
      live.cut();
      away.add(live);
      const comeBack = async () => {
        await delay(random(300));
        // Another process knows none of the numbers.
        await live.open(number % (20 * CHANGES_PER_CUT) === 0 ? second : first);
        away.delete(live);
      };
      returns.push(comeBack());
    }
    await delay(20);
  }
  await Promise.all(returns);

  await collection('groups').insertOne({ _id: 'last', permissions: {} });
  const isDone = () => pages.every(({ live }) => live.isCurrent() && live.lists.get('groups')?.has('last'));
  await waitFor(isDone, 'all sockets show the last change', 60_000);
  for (const userId of USERS) {
    const read = await readLists(first, cookies.get(userId) as string, PATHS);
    for (const [index, { live }] of pages.filter((page) => page.userId === userId).entries()) {
      expect(differences(live.lists, read), `socket ${index} of ${userId}, seed ${SEED}`).toEqual([]);
    }
  }
  const total = (key: keyof LiveLists['counts']) => pages.reduce((sum, { live }) => sum + live.counts[key], 0);
  const shown = `${total('messages')} messages, ${total('replays')} returns, ${total('resyncs')} resyncs`;
  // A walk in which all is read again at every return shows nothing.
  expect(total('replays'), shown).toBeGreaterThan(CHANGES / CHANGES_PER_CUT / 3);
  expect(total('messages'), shown).toBeGreaterThan(CHANGES);
  if (process.env.VT_TEST_LOG) process.stdout.write(`${shown}\n`);
});
