import type { Collection, Db } from 'mongodb';
import type { CollectionName, Stored } from './collections.js';
import { createKeptList, type KeptList } from './kept_list.js';
import type { ListFields } from './kept_rows.js';

/** The collections whose lists may grow large, and what their lists are filtered, ordered and searched by. */
const KEPT = {
  samples: {
    keys: ['created_at', 'user.id', 'all_read', 'group', 'group_read', 'pathoscope', 'nuvs'],
    texts: ['name', 'host', 'user.id'],
  },
  jobs: { keys: ['created_at', 'user.id', 'args.sample_id', 'args.ref_id'], texts: ['task', 'user.id'] },
  files: { keys: ['uploaded_at', 'ready', 'reserved', 'type'], texts: [] },
  otus: { keys: ['name', 'reference.id', 'verified'], texts: ['name', 'abbreviation'] },
  history: {
    keys: ['otu.version', 'created_at', 'otu.name', 'reference.id', 'index.id'],
    texts: ['otu.name', 'user.id'],
  },
  users: { keys: [], texts: ['_id'] },
} satisfies Partial<Record<CollectionName, ListFields>>;

/** A collection whose lists are kept. */
export type KeptName = keyof typeof KEPT;

/** What a change feed tells kept lists; see {@link KeptLists}. */
export type Follower = {
  /** The stream stands, and all that it has told before is complete. */
  hear(): void;
  note(collection: CollectionName, id: string): void;
  /** Nothing more is told until `hear`. */
  lose(): void;
};

/** The kept lists of a database. Without a change feed that tells them of all changes they answer nothing from memory. */
export type KeptLists = {
  of(name: KeptName): KeptList;
  has(name: CollectionName): name is KeptName;
  follower: Follower;
};

/** A stream that is silent for so long may be broken; one that stands is heard every few seconds. */
const SILENCE_LIMIT_MS = 15_000;

/** Creates the kept lists of a database. */
export function createKeptLists(db: Db): KeptLists {
  let heardAt = Number.NEGATIVE_INFINITY;
  const isFollowed = () => performance.now() - heardAt < SILENCE_LIMIT_MS;
  const create = (name: KeptName): KeptList =>
    createKeptList(db.collection(name) as unknown as Collection<Stored>, KEPT[name], isFollowed);
  const lists = Object.fromEntries((Object.keys(KEPT) as KeptName[]).map((name) => [name, create(name)])) as Record<
    KeptName,
    KeptList
  >;
  const has = (name: CollectionName): name is KeptName => name in KEPT;
  return {
    of: (name) => lists[name],
    has,
    follower: {
      hear() {
        // What was loaded before a silence may lack what it has hidden.
        if (!isFollowed()) for (const list of Object.values(lists)) list.drop();
        heardAt = performance.now();
      },
      note(collection, id) {
        if (has(collection)) lists[collection].note([id]);
      },
      lose() {
        heardAt = Number.NEGATIVE_INFINITY;
        for (const list of Object.values(lists)) list.drop();
      },
    },
  };
}
