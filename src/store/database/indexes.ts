import { type IndexDescription, MongoServerError } from 'mongodb';
import type { CollectionName, Database } from './database.js';

/**
 * Every index of every collection, by what it is for: the filters of lists with their order and `_id` at its end, what scheduled work
 * looks for, and the fields by which a clean-up finds what belongs to something. At most one array field in each, no partial filter
 * with `$ne`.
 */
export const INDEXES: Partial<Record<CollectionName, IndexDescription[]>> = {
  analyses: [
    { key: { 'sample.id': 1, created_at: -1, _id: 1 } },
    { key: { created_at: -1 } },
    { key: { 'reference.id': 1 } },
    { key: { algorithm: 1 } },
    { key: { 'blasts.state': 1 }, sparse: true },
  ],
  audit: [{ key: { user: 1, _id: -1 } }, { key: { action: 1, _id: -1 } }, { key: { at: 1 } }],
  caches: [
    { key: { 'sample.id': 1, created_at: 1, _id: 1 } },
    { key: { 'job.id': 1 } },
    { key: { key: 1 }, unique: true, sparse: true },
  ],
  files: [
    { key: { ready: 1, reserved: 1, type: 1, uploaded_at: -1, _id: 1 } },
    { key: { ready: 1, reserved: 1, uploaded_at: -1, _id: 1 } },
    { key: { created: 1, uploaded_at: 1 } },
    { key: { expires_at: 1 } },
    { key: { reserved: 1, reserved_by: 1 } },
    { key: { reserved_by: 1 } },
  ],
  history: [
    { key: { 'otu.id': 1, 'otu.version': -1 } },
    { key: { 'reference.id': 1, 'index.id': 1, 'otu.version': -1, created_at: -1, _id: 1 } },
    { key: { 'reference.id': 1, 'otu.version': -1, created_at: -1, _id: 1 } },
    { key: { 'index.id': 1, 'otu.version': -1, created_at: -1, _id: 1 } },
    { key: { 'index.id': 1, 'otu.name': 1, 'otu.version': -1, _id: 1 } },
    { key: { 'index.id': 1, 'otu.id': 1, 'otu.version': 1 } },
    { key: { 'otu.version': -1, created_at: -1, _id: 1 } },
    { key: { created_at: 1 } },
  ],
  hmm: [{ key: { installation: 1, hidden: 1, cluster: 1, _id: 1 } }],
  indexes: [
    { key: { version: 1, 'reference.id': 1 }, unique: true },
    { key: { 'reference.id': 1, version: -1, _id: 1 } },
    { key: { version: -1, _id: 1 } },
  ],
  jobs: [
    { key: { created_at: 1, _id: 1 } },
    { key: { 'status.state': 1 } },
    { key: { 'args.sample_id': 1 } },
    { key: { 'args.ref_id': 1 } },
    { key: { 'user.id': 1, created_at: 1, _id: 1 } },
    { key: { ended: 1, created_at: 1, _id: 1 } },
  ],
  keys: [{ key: { 'user.id': 1, id: 1 }, unique: true }, { key: { 'user.id': 1, created_at: 1, _id: 1 } }],
  login_attempts: [{ key: { expiresAt: 1 }, expireAfterSeconds: 0 }],
  otus: [
    { key: { 'reference.id': 1, name: 1, _id: 1 } },
    { key: { 'reference.id': 1, verified: 1, name: 1, _id: 1 } },
    { key: { name: 1, _id: 1 } },
    { key: { 'reference.id': 1, lower_name: 1 } },
    { key: { 'reference.id': 1, abbreviation: 1 } },
    { key: { 'reference.id': 1, 'remote.id': 1 } },
  ],
  processes: [{ key: { created_at: 1, _id: 1 } }, { key: { complete: 1, created_at: 1, _id: 1 } }],
  references: [
    { key: { 'process.id': 1 } },
    { key: { name: 1, _id: 1 } },
    { key: { 'user.id': 1, name: 1, _id: 1 } },
    { key: { 'users.id': 1, name: 1, _id: 1 } },
    { key: { 'groups.id': 1, name: 1, _id: 1 } },
    { key: { 'cloned_from.id': 1 } },
  ],
  samples: [
    { key: { created_at: -1, _id: 1 } },
    { key: { all_read: 1, created_at: -1, _id: 1 } },
    { key: { 'user.id': 1, created_at: -1, _id: 1 } },
    { key: { group: 1, group_read: 1, created_at: -1, _id: 1 } },
    { key: { 'subtraction.id': 1, created_at: 1, _id: 1 } },
    { key: { name: 1 } },
    { key: { 'files.replacement.id': 1 }, sparse: true },
    { key: { prune: 1 }, sparse: true },
  ],
  sequences: [{ key: { otu_id: 1, position: 1 } }, { key: { 'reference.id': 1, 'remote.id': 1 } }],
  sessions: [
    { key: { expiresAt: 1 }, expireAfterSeconds: 0 },
    { key: { 'user.id': 1 } },
    { key: { browser: 1 }, sparse: true },
    { key: { reset_user_id: 1 }, sparse: true },
  ],
  users: [{ key: { groups: 1 } }],
};

const OPTIONS_DIFFER = [85, 86];

/**
 * Makes sure that all indexes exist.
 *
 * @throws Error that names the collection when an index of the same keys but other options is there; nothing is dropped.
 */
export async function ensureIndexes(database: Database): Promise<void> {
  await Promise.all(
    Object.entries(INDEXES).map(async ([name, indexes]) => {
      try {
        await database.db.collection(name).createIndexes(indexes);
      } catch (error) {
        if (!(error instanceof MongoServerError) || !OPTIONS_DIFFER.includes(Number(error.code))) throw error;
        throw new Error(
          `Collection ${name} has an index with other options (${error.message}). Drop that index and start again.`,
          { cause: error },
        );
      }
    }),
  );
}
