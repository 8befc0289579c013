import { createHash, randomUUID } from 'node:crypto';
import type { ClientSession } from 'mongodb';
import { completePermissions, PERMISSIONS, type Permission, type Permissions } from '../../contracts/permissions.js';
import type { Database, Stored } from '../database/database.js';
import { isDuplicate } from '../database/ids.js';

/** An API key as stored: its id is the hex SHA-256 of the key itself, which is nowhere kept. */
export type KeyDocument = Stored & {
  id: string;
  name: string;
  groups: string[];
  permissions: Permissions;
  created_at: Date;
  user: { id: string };
};

/** An API key as its owner sees it. */
export type KeyItem = { id: string; name: string; groups: string[]; permissions: Permissions; created_at: Date };

const MAXIMUM_TRIES = 1_000;

function toKeyItem(key: KeyDocument): KeyItem {
  const { id, name, groups, created_at } = key;
  return { id, name, groups: groups ?? [], permissions: completePermissions(key.permissions), created_at };
}

function hashKey(key: string): string {
  return createHash('sha256').update(key).digest('hex');
}

/** What the keys of a user are limited by. */
export type KeyOwner = { id: string; administrator: boolean; groups: string[]; permissions: Permissions };

/**
 * Takes from users' keys in the caller's transaction what the user has no permission for, unless the user is an administrator. Keys
 * never grow by themselves, so a permission that comes back stays off.
 */
export async function limitKeys(
  database: Database,
  owners: readonly KeyOwner[],
  session: ClientSession,
): Promise<void> {
  const changes = owners.map(({ id, administrator, groups, permissions }) => {
    const lost = administrator ? [] : PERMISSIONS.filter((name) => !permissions[name]);
    const off = Object.fromEntries(lost.map((name) => [`permissions.${name}`, false]));
    return { updateMany: { filter: { 'user.id': id }, update: { $set: { groups, ...off } } } };
  });
  if (changes.length > 0) await database.db.collection('keys').bulkWrite(changes, { session });
}

/** Reads and writes of API keys; all but `findByKey` are limited to those of one user. */
export function createKeyStore(database: Database) {
  const keys = database.collection<KeyDocument>('keys');
  const own = (userId: string, keyId: string) => ({ 'user.id': userId, id: keyId });

  const get = async (userId: string, keyId: string): Promise<KeyItem | undefined> => {
    const key = await keys.findOne(own(userId, keyId));
    return key ? toKeyItem(key) : undefined;
  };

  return {
    get,

    /** The user's key with this secret; undefined when there is none. */
    async findByKey(userId: string, key: string): Promise<KeyItem | undefined> {
      const found = await keys.findOne({ _id: hashKey(key) });
      return found && found.user.id === userId ? toKeyItem(found) : undefined;
    },

    /** All keys of a user, oldest first. */
    async list(userId: string): Promise<KeyItem[]> {
      const found = await keys.find({ 'user.id': userId }).sort({ created_at: 1, _id: 1 }).toArray();
      return found.map(toKeyItem);
    },

    /**
     * Makes a key with an id of its lower-case name and the smallest number that is free; `key` is the secret, which can
     * be read only now.
     */
    async insert(
      user: { id: string; groups: string[] },
      name: string,
      permissions: Permissions,
    ): Promise<KeyItem & { key: string }> {
      const taken = (await keys.find({ 'user.id': user.id }).toArray()).map((key) => key.id);
      for (let number = 0; number < MAXIMUM_TRIES; number += 1) {
        const id = `${name.toLowerCase()}_${number}`;
        if (taken.includes(id)) continue;
        const key = randomUUID().replaceAll('-', '');
        const document: KeyDocument = {
          _id: hashKey(key),
          id,
          name,
          groups: user.groups,
          permissions,
          created_at: new Date(),
          user: { id: user.id },
        };
        try {
          await keys.insertOne(document);
        } catch (error) {
          if (isDuplicate(error)) continue;
          throw error;
        }
        return { ...toKeyItem(document), key };
      }
      throw new Error(`No free id for an API key in ${MAXIMUM_TRIES} tries`);
    },

    /** Sets some permissions of a key; undefined when the user has no such key. */
    async setPermissions(
      userId: string,
      keyId: string,
      changes: Partial<Record<Permission, boolean>>,
    ): Promise<KeyItem | undefined> {
      const $set = Object.fromEntries(Object.entries(changes).map(([name, value]) => [`permissions.${name}`, value]));
      if (Object.keys($set).length > 0) await keys.updateOne(own(userId, keyId), { $set });
      return get(userId, keyId);
    },

    /** Removes a key; false when the user has no such key. */
    async remove(userId: string, keyId: string): Promise<boolean> {
      return (await keys.deleteOne(own(userId, keyId))).deletedCount === 1;
    },

    /** Removes all keys of a user. */
    async removeAll(userId: string): Promise<void> {
      await keys.deleteMany({ 'user.id': userId });
    },
  };
}
