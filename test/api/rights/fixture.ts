import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { inject } from 'vitest';
import { createSocketIdentity } from '../../../src/api/account/authentication.js';
import type { ApiDeps } from '../../../src/api/deps.js';
import { attachSockets } from '../../../src/api/dispatch/sockets.js';
import { startApi } from '../../../src/api/server.js';
import { readConfig } from '../../../src/config.js';
import { PERMISSIONS, type Permission } from '../../../src/contracts/permissions.js';
import { createDataDirectory } from '../../../src/files/data_directory.js';
import type { Stored } from '../../../src/store/database/database.js';
import { createStore } from '../../../src/store/index.js';
import { RIGHTS, type Right } from '../../../src/store/references/references.js';
import { openWatchedDatabase } from '../../support/command_rules.js';
import { quietLogger } from '../../support/logger.js';
import { insertOtu, otuOf, referenceOf } from '../../support/references.js';
import { unreachableServices } from '../../support/remote.js';
import { testDatabase } from '../../support/servers.js';
import { userDocument } from '../dispatch/support.js';

/** Every text that only those with a right may see holds this mark: ids and names of all private documents. */
export const SECRET = 'zzsecret';

/** Somebody who asks, and what the private sample and the private reference grant. */
export type Role = {
  name: string;
  userId?: string;
  administrator?: boolean;
  permissions: readonly Permission[];
  /** Listed in the reference, directly or by a group; with these rights. */
  member?: readonly Right[];
  /** In the group of the sample, which may read and write. */
  inSampleGroup?: boolean;
  /** Owner of the sample. */
  ownsSample?: boolean;
  /** The jobs and processes run for this user. */
  runsJobs?: boolean;
  key?: readonly Permission[];
};

const MEMBERS = ['none', ...RIGHTS] as const;
const rightsOf = (member: (typeof MEMBERS)[number]): readonly Right[] => (member === 'none' ? [] : [member]);
const owner = { userId: 'owner', permissions: PERMISSIONS, member: RIGHTS, ownsSample: true } as const;

/** Everybody who asks: at least one for each column of the table, members with every single right, keys with every single permission. */
export const ROLES: readonly Role[] = [
  { name: 'anonymous', permissions: [] },
  { name: 'user', userId: 'user', permissions: [] },
  { name: 'user with all permissions', userId: 'permitted', permissions: PERMISSIONS },
  ...MEMBERS.map((right) => ({
    name: `member by user, ${right}`,
    userId: `user-${right}`,
    permissions: [],
    member: rightsOf(right),
  })),
  ...MEMBERS.map((right) => ({
    name: `member by group, ${right}`,
    userId: `member-${right}`,
    permissions: [],
    member: rightsOf(right),
    inSampleGroup: right === 'none',
  })),
  { name: 'user of the jobs', userId: 'starter', permissions: [], runsJobs: true },
  { name: 'owner', ...owner },
  { name: 'administrator', userId: 'head', administrator: true, permissions: PERMISSIONS },
  ...[[], ...PERMISSIONS.map((name) => [name])].map((key) => ({
    ...owner,
    name: `key of the owner, ${key[0] ?? 'no permission'}`,
    permissions: key,
    key,
  })),
  { name: 'key of the administrator', userId: 'head', permissions: PERMISSIONS, key: PERMISSIONS },
];

/** Ids of the private documents, by the parameter of a path. */
export const IDS = {
  ref_id: `${SECRET}ref`,
  otu_id: `${SECRET}otu`,
  isolate_id: `a${SECRET}otu`,
  sequence_id: `a_${SECRET}otu`,
  change_id: `${SECRET}otu.0`,
  index_id: `${SECRET}index`,
  sample_id: `${SECRET}sample`,
  analysis_id: `${SECRET}analysis`,
  cache_id: `${SECRET}cache`,
  job_id: `${SECRET}job`,
  process_id: `${SECRET}process`,
  file_id: `${SECRET}-reads.fq`,
} as const;

/** The job that builds the private index. */
export const BUILD_ID = `${SECRET}build`;

const date = new Date(1_600_000_000_000);
const user = { id: 'owner' };
const status = [{ state: 'complete', stage: null, error: null, progress: 1, timestamp: date }];

// biome-ignore format: one row per document
const PRIVATE: Record<string, (Stored & Record<string, unknown>)[]> = {
  samples: [{ _id: IDS.sample_id, name: `${SECRET} sample`, user, group: 'members-none', group_read: true, group_write: true, all_read: false,
    all_write: true, created_at: date, files: [], format: 'fastq', imported: false, quality: { count: 1 }, paired: false, subtraction: { id: 'Host' },
    pathoscope: false, nuvs: false, analyzed: false, hold: true, archived: false }],
  analyses: [{ _id: IDS.analysis_id, algorithm: 'pathoscope_bowtie', created_at: date, ready: true, job: { id: IDS.job_id }, user, results: [],
    index: { id: IDS.index_id, version: 0 }, reference: { id: IDS.ref_id, name: `${SECRET} reference` }, sample: { id: IDS.sample_id, name: SECRET } }],
  caches: [{ _id: IDS.cache_id, created_at: date, files: [], hash: SECRET, program: 'skewer', ready: true, sample: { id: IDS.sample_id } }],
  indexes: [{ _id: IDS.index_id, version: 0, created_at: date, manifest: { [IDS.otu_id]: 0 }, ready: true, has_files: true, job: { id: BUILD_ID }, user,
    reference: { id: IDS.ref_id } }],
  jobs: [
    { _id: IDS.job_id, task: 'create_sample', args: { sample_id: IDS.sample_id }, proc: 1, mem: 1, user: { id: 'starter' }, status },
    { _id: BUILD_ID, task: 'build_index', args: { ref_id: IDS.ref_id }, proc: 1, mem: 1, user: { id: 'starter' }, status },
  ],
  processes: [{ _id: IDS.process_id, type: 'clone_reference', step: 'copy_otus', progress: 1, count: 0, complete: true, created_at: date,
    resumable: false, context: { ref_id: IDS.ref_id, user_id: 'starter' } }],
  files: [{ _id: IDS.file_id, name: `${SECRET}.fq`, type: 'reads', user, uploaded_at: date, expires_at: null, created: true, reserved: true,
    reserved_by: IDS.job_id, ready: true, size: 1 }],
};

// biome-ignore format: one row per document
const COMMON: Record<string, (Stored & Record<string, unknown>)[]> = {
  groups: [
    ...MEMBERS.map((right) => ({ _id: `members-${right}`, permissions: {} })),
    { _id: 'permitted', permissions: Object.fromEntries(PERMISSIONS.map((name) => [name, true])) },
    { _id: 'victims', permissions: {} },
  ],
  subtraction: [{ _id: 'Host', nickname: '', ready: true, is_host: true, file: { id: 'f', name: 'f' }, user, job: { id: 'j' } }],
  users: [...new Set(ROLES.flatMap(({ userId }) => userId ?? [])), 'victim'].map((id) => {
    const groups = id.startsWith('member-') ? [`members-${id.slice(7)}`] : id === 'permitted' || id === 'owner' ? ['permitted'] : [];
    const permissions = Object.fromEntries(PERMISSIONS.map((name) => [name, groups.includes('permitted')]));
    return { ...userDocument(id, { administrator: id === 'head', groups }), permissions };
  }),
};

/** A real server with one private sample and one private reference, and everybody who asks. */
export async function startRightsServer() {
  const temporary = await testDatabase();
  const database = await openWatchedDatabase({ url: temporary.url, name: temporary.name });
  const folder = mkdtempSync(join(inject('runFolder'), 'rights-'));
  const files = createDataDirectory(folder);
  await files.create();
  const store = createStore(database);
  const deps: ApiDeps = {
    config: { ...readConfig({ argv: ['--port', '0'], environment: {}, directory: '/nonexistent' }), host: '127.0.0.1' },
    store,
    files,
    workflows: { start: async () => undefined, cancel: async () => undefined, isReachable: async () => true },
    remote: unreachableServices(),
    log: quietLogger,
    version: 'v9.8.7',
  };
  const api = await startApi({
    deps,
    attach: async (server) => attachSockets(server, { ...deps, identity: createSocketIdentity(deps) }),
  });
  const write = (name: string) => temporary.db.collection<Stored & Record<string, unknown>>(name);

  for (const [name, documents] of Object.entries({ ...COMMON, ...PRIVATE })) await write(name).insertMany(documents);
  await store.references.insert(
    referenceOf({
      _id: IDS.ref_id,
      name: `${SECRET} reference`,
      users: [
        { id: 'owner', ...granted(RIGHTS) },
        ...MEMBERS.map((right) => ({ id: `user-${right}`, ...granted(rightsOf(right)) })),
      ],
      groups: MEMBERS.map((right) => ({ id: `members-${right}`, ...granted(rightsOf(right)) })),
      user,
    }),
  );
  await insertOtu(store, otuOf(IDS.ref_id, { _id: IDS.otu_id, name: `${SECRET} virus` }));
  writeFileSync(files.jobLog(IDS.job_id), SECRET);
  await store.settings.update({ enable_api: true });

  const headers = new Map<string, Record<string, string>>();
  for (const role of ROLES) headers.set(role.name, await credentials(store, role));
  const snapshot = await takeSnapshot(temporary.db);

  return {
    deps,
    store,
    url: api.url,
    write,
    headersOf: (role: Role) => headers.get(role.name) ?? {},

    /** Puts back what a request on this path may have changed or removed. */
    async restore(path: string): Promise<void> {
      const isOfAccounts = /^\/api\/(account|users|groups|settings)/.test(path);
      const touched = snapshot.filter(({ name }) => ACCOUNTS.includes(name) === isOfAccounts || isOfAccounts);
      await Promise.all(
        touched.map(({ name, documents }) =>
          write(name).bulkWrite([
            { deleteMany: { filter: { _id: { $nin: documents.map(({ _id }) => _id) } } } },
            ...documents.map((document) => ({
              replaceOne: { filter: { _id: document._id }, replacement: document, upsert: true },
            })),
          ]),
        ),
      );
    },

    async stop() {
      await api.stop();
      await database.close();
      await temporary.dispose();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

const ACCOUNTS = ['users', 'sessions', 'keys', 'groups', 'settings', 'login_attempts'];

export type RightsServer = Awaited<ReturnType<typeof startRightsServer>>;

const granted = (rights: readonly Right[]) =>
  Object.fromEntries(RIGHTS.map((right) => [right, rights.includes(right)])) as Record<Right, boolean>;

async function credentials(store: RightsServer['store'], { userId, key }: Role): Promise<Record<string, string>> {
  if (!userId) return {};
  if (!key) {
    const { sessionId, token } = await store.sessions.open({ userId, remember: false, ip: '127.0.0.1' });
    return { Cookie: `session_id=${sessionId}; session_token=${token}` };
  }
  const permissions = Object.fromEntries(PERMISSIONS.map((name) => [name, key.includes(name)]));
  const made = await store.keys.insert({ id: userId, groups: [] }, 'robot', permissions as Record<Permission, boolean>);
  return { Authorization: `Basic ${btoa(`${userId}:${made.key}`)}` };
}

async function takeSnapshot(db: import('mongodb').Db) {
  const collections = await db.listCollections().toArray();
  const all = await Promise.all(
    collections.map(async ({ name }) => ({ name, documents: await db.collection<Stored>(name).find().toArray() })),
  );
  return all.filter(({ documents }) => documents.length > 0);
}
