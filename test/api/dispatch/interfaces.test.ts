import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { INTERFACES } from '../../../src/api/dispatch/interfaces.js';
import { COLLECTIONS } from '../../../src/store/database/database.js';
import { type TestDatabase, testDatabase } from '../../support/servers.js';
import { type Browser, startSockets, type TestSockets, userDocument } from './support.js';

type Fields = Record<string, unknown>;
type Audience = 'everyone' | 'owner' | 'administrators';

/** One document of each interface: its owner is `owner`; `secret` marks what must not be sent. */
type Example = {
  document: { _id: string } & Fields;
  /** Exactly what is sent, besides `id`. */
  sent: string[];
  seenBy: Audience;
  operations: string[];
  /** Who learns of the deletion of a document that was never sent. */
  forgottenBy: Audience;
  /** A field that the update changes. */
  change: Fields;
};

const date = new Date(1_600_000_000_000);
const owner = { id: 'owner' };
const ALL = ['insert', 'update', 'delete'];
const secret = 'secret';
const RIGHTS = { group: 'none', group_read: true, group_write: false, all_read: false, all_write: false };

// biome-ignore format: one row per document
const EXAMPLES: Record<string, Example> = {
  analyses: {
    document: { _id: 'a1', algorithm: 'nuvs', created_at: date, ready: false, job: { id: 'j' }, index: { id: 'i', version: 0 },
      reference: { id: 'private', name: 'R' }, user: owner, sample: { id: 'private' }, results: [secret] },
    sent: ['algorithm', 'created_at', 'ready', 'job', 'index', 'reference', 'user', 'sample'],
    seenBy: 'owner', operations: ALL, forgottenBy: 'everyone', change: { ready: true },
  },
  caches: {
    document: { _id: 'c1', created_at: date, files: [], hash: 'h', program: 'skewer', ready: false, sample: { id: 'private' }, quality: secret },
    sent: ['created_at', 'files', 'hash', 'program', 'ready', 'sample'],
    seenBy: 'owner', operations: ALL, forgottenBy: 'everyone', change: { ready: true },
  },
  files: {
    document: { _id: 'f1-x.fq', name: 'x.fq', size: 3, user: { id: 'someone' }, uploaded_at: date, type: 'reads', ready: true, reserved: true,
      reserved_by: 'private', created: secret },
    sent: ['name', 'size', 'user', 'uploaded_at', 'type', 'ready', 'reserved'],
    seenBy: 'owner', operations: ALL, forgottenBy: 'everyone', change: { size: 4 },
  },
  groups: {
    document: { _id: 'g1', permissions: { cancel_job: true }, note: secret }, sent: ['permissions'],
    seenBy: 'everyone', operations: ALL, forgottenBy: 'everyone', change: { 'permissions.cancel_job': false },
  },
  history: {
    document: { _id: 'o1.1', method_name: 'edit', description: 'd', created_at: date, otu: { id: 'o1', name: 'n', version: 1 },
      reference: { id: 'private' }, index: { id: 'unbuilt', version: 'unbuilt' }, user: owner, diff: [secret] },
    sent: ['method_name', 'description', 'created_at', 'otu', 'reference', 'index', 'user'],
    seenBy: 'owner', operations: ['insert', 'delete'], forgottenBy: 'everyone', change: { 'index.id': 'i' },
  },
  hmm: {
    document: { _id: 'h1', cluster: 1, names: ['n'], count: 2, families: {}, entries: [secret] }, sent: [],
    seenBy: 'everyone', operations: ['delete'], forgottenBy: 'everyone', change: { count: 3 },
  },
  indexes: {
    document: { _id: 'i1', created_at: date, has_files: true, job: { id: 'j' }, user: owner, ready: false, reference: { id: 'private' }, version: 0,
      manifest: secret, sequence_otu_map: secret },
    sent: ['created_at', 'has_files', 'job', 'user', 'ready', 'reference', 'version'],
    seenBy: 'owner', operations: ALL, forgottenBy: 'everyone', change: { ready: true },
  },
  jobs: {
    document: { _id: 'j1', task: 'nuvs', args: { sample_id: 'private', path: secret }, proc: 1, mem: 1, user: { id: 'someone' },
      status: [{ state: 'waiting', stage: null, error: null, progress: 0, timestamp: date }] },
    sent: ['task', 'proc', 'mem', 'user', 'state', 'stage', 'progress', 'created_at'],
    seenBy: 'owner', operations: ALL, forgottenBy: 'everyone', change: { proc: 2 },
  },
  otus: {
    document: { _id: 'o1', name: 'n', abbreviation: '', reference: { id: 'private' }, verified: true, version: 0, lower_name: secret, isolates: [secret] },
    sent: ['name', 'abbreviation', 'reference', 'verified', 'version'],
    seenBy: 'owner', operations: ALL, forgottenBy: 'everyone', change: { version: 1 },
  },
  processes: {
    document: { _id: 'p1', type: 'migrate_reference', step: 'download', progress: 0, count: 0, complete: false, resumable: false, created_at: date,
      context: { ref_id: 'private', user_id: 'someone', path: secret } },
    sent: ['type', 'step', 'progress', 'count', 'complete', 'resumable', 'created_at'],
    seenBy: 'owner', operations: ['insert', 'update'], forgottenBy: 'everyone', change: { progress: 0.5 },
  },
  references: {
    document: { _id: 'r1', name: 'R', organism: 'virus', data_type: 'genome', created_at: date, internal_control: null, user: { id: 'someone' },
      users: [{ id: 'owner', build: true }], groups: [], description: secret },
    sent: ['name', 'organism', 'data_type', 'created_at', 'internal_control', 'user', 'otu_count', 'latest_build', 'unbuilt_change_count'],
    seenBy: 'owner', operations: ALL, forgottenBy: 'everyone', change: { name: 'S' },
  },
  samples: {
    document: { _id: 's1', name: 'S', host: '', isolate: '', created_at: date, user: owner, imported: 'ip', archived: false, pathoscope: false,
      nuvs: false, ...RIGHTS, quality: secret, files: [secret] },
    sent: ['name', 'host', 'isolate', 'created_at', 'user', 'imported', 'archived', 'pathoscope', 'nuvs', ...Object.keys(RIGHTS)],
    seenBy: 'owner', operations: ALL, forgottenBy: 'everyone', change: { imported: false },
  },
  settings: {
    document: { _id: 'settings', sample_group: 'none', enable_api: true, proxy_password: secret }, sent: ['sample_group', 'enable_api'],
    seenBy: 'administrators', operations: ['update'], forgottenBy: 'administrators', change: { enable_api: false },
  },
  status: {
    document: { _id: 'hmm', installed: null, process: null, release: null, updates: [], installation: secret }, sent: ['installed', 'process', 'release', 'updates'],
    seenBy: 'everyone', operations: ['update'], forgottenBy: 'everyone', change: { installed: { id: 1 } },
  },
  subtraction: {
    document: { _id: 'Vitis', file: { id: 'f', name: 'f' }, ready: false, job: { id: 'j' }, nickname: secret }, sent: ['file', 'ready', 'job'],
    seenBy: 'everyone', operations: ALL, forgottenBy: 'everyone', change: { ready: true },
  },
  users: {
    document: { ...userDocument('someone') },
    sent: ['administrator', 'force_reset', 'groups', 'identicon', 'last_password_change', 'permissions', 'primary_group'],
    seenBy: 'administrators', operations: ALL, forgottenBy: 'administrators', change: { primary_group: 'g' },
  },
};

/** What is never shown, and why. */
const NOT_SHOWN = {
  audit: 'for administrators, who ask for it',
  keys: 'secrets',
  locks: 'internal',
  login_attempts: 'internal',
  sequences: 'too large, and no client reads them',
  sessions: 'secrets',
};

let database: TestDatabase;
let sockets: TestSockets;
let browsers: Record<'administrator' | 'owner' | 'stranger', Browser>;

beforeAll(async () => {
  database = await testDatabase();
  sockets = await startSockets(database);
  await sockets.addUser('administrator', { administrator: true });
  await sockets.addUser('owner');
  await sockets.addUser('stranger', { groups: ['g1'] });
  await sockets.write('samples').insertOne({ _id: 'private', user: owner, ...RIGHTS, group: 'other' } as never);
  await sockets
    .write('references')
    .insertOne({ _id: 'private', user: owner, users: [], groups: [{ id: 'other' }] } as never);
  await sockets
    .write('jobs')
    .insertOne({ _id: 'private', user: { id: 'someone' }, args: { sample_id: 'private' } } as never);
  const connect = async (userId: string) => sockets.connect((await sockets.signIn(userId)).cookie);
  browsers = {
    administrator: await connect('administrator'),
    owner: await connect('owner'),
    stranger: await connect('stranger'),
  };
  await settle();
  take();
});
afterAll(async () => {
  await sockets?.stop();
  await database?.dispose();
});

let marks = 0;
// Messages keep their order, so after the mark nothing is under way any more.
async function settle(): Promise<void> {
  marks += 1;
  const id = `mark${marks}`;
  await sockets.write('files').insertOne({ _id: id, name: 'mark' } as never);
  for (const browser of Object.values(browsers)) {
    await browser.until((m) => m.interface === 'files' && !Array.isArray(m.data) && m.data.id === id);
    browser.messages.splice(
      browser.messages.findIndex((m) => !Array.isArray(m.data) && m.data.id === id),
      1,
    );
  }
}

function take(): Record<keyof typeof browsers, unknown[]> {
  const taken = Object.entries(browsers).map(([name, browser]) => [name, browser.messages.splice(0)]);
  return Object.fromEntries(taken);
}

const SEES: Record<Audience, (keyof typeof browsers)[]> = {
  everyone: ['administrator', 'owner', 'stranger'],
  owner: ['administrator', 'owner'],
  administrators: ['administrator'],
};

function expectSeenBy(audience: Audience, message: unknown): void {
  const taken = take();
  for (const name of SEES.everyone) {
    expect(taken[name], name).toEqual(message !== undefined && SEES[audience].includes(name) ? [message] : []);
  }
}

test('every collection is shown by an interface that is tested here, or is left out for a reason', () => {
  const shown = INTERFACES.map((one) => one.collection);
  expect([...shown, ...Object.keys(NOT_SHOWN)].sort()).toEqual([...COLLECTIONS].sort());
  expect(Object.keys(EXAMPLES).sort()).toEqual([...shown].sort());
});

describe.each(Object.entries(EXAMPLES))('%s', (name, example) => {
  const { document, sent, operations, seenBy, change } = example;
  const { _id: id } = document;
  const shown = (operation: string) => (operations.includes(operation) ? operation : undefined);

  test(`an insert is sent to ${seenBy}, with the fields of the wire only`, async () => {
    await sockets.write(name).insertOne(structuredClone(document) as never);
    await settle();
    const data = expect.toSatisfy(
      (value: Fields) => JSON.stringify(Object.keys(value).sort()) === JSON.stringify(wireKeys().sort()),
      `has the keys ${wireKeys().sort()}`,
    );
    const operation = shown('insert') ?? shown('update');
    expect(JSON.stringify(browsers.administrator.messages)).not.toContain(secret);
    expectSeenBy(seenBy, operation && { operation, interface: name, data });
  });

  test(`an update is sent to ${seenBy} as it is now`, async () => {
    await sockets.write(name).updateOne({ _id: id }, { $set: change });
    await settle();
    const [field = '', value] = Object.entries(change)[0] ?? [];
    const data = sent.includes(field) ? expect.objectContaining({ [field]: value }) : expect.anything();
    expectSeenBy(seenBy, shown('update') && { operation: 'update', interface: name, data });
  });

  test('a deletion is sent as a list of ids, to those who saw the document', async () => {
    await sockets.write(name).deleteOne({ _id: id });
    await settle();
    expectSeenBy(seenBy, shown('delete') && { operation: 'delete', interface: name, data: [id] });
  });

  test(`the deletion of a document that was never sent is told to ${example.forgottenBy}`, async () => {
    // A server that is new has sent nothing yet.
    const other = await startSockets(database);
    try {
      await sockets.write(name).insertOne({ ...structuredClone(document), _id: `${id}y` } as never);
      await settle();
      const stranger = await other.connect((await other.signIn('stranger')).cookie);
      await sockets.write(name).deleteOne({ _id: `${id}y` });
      await sockets.write('files').insertOne({ _id: `seen-${id}`, name: 'mark' } as never);
      await stranger.until((m) => m.interface === 'files' && !Array.isArray(m.data) && m.data.id === `seen-${id}`);
      const told = stranger
        .of(name)
        .filter((m) => m.operation === 'delete')
        .flatMap((m) => m.data);
      const isTold = shown('delete') && SEES[example.forgottenBy].includes('stranger');
      expect(told).toEqual(isTold ? [`${id}y`] : []);
    } finally {
      await other.stop();
      await settle();
      take();
    }
  });

  function wireKeys(): string[] {
    return name === 'settings' ? [...sent] : ['id', ...sent];
  }
});
