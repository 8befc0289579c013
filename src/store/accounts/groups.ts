import type { ClientSession } from 'mongodb';
import { completePermissions, type Permission, type Permissions } from '../../contracts/permissions.js';
import type { Database, Stored } from '../database/database.js';
import { isDuplicate } from '../database/ids.js';
import { holdLock } from '../database/locks.js';

/** A group as stored: its id is its lower-case name. */
export type GroupDocument = Stored & { permissions: Permissions };

/** A group in answers and messages. */
export type GroupItem = { id: string; permissions: Permissions };

/** A group in the form of the wire; a permission that is missing is not granted. */
export function toGroupItem(group: GroupDocument): GroupItem {
  return { id: group._id, permissions: completePermissions(group.permissions) };
}

/** Brings in line what members of a group have by it, in the transaction that changes the group. */
export type SettleMembers = (groupId: string, session: ClientSession) => Promise<void>;

/** Reads and writes of groups. A group and what its members have by it change together or not at all. */
export function createGroupStore(database: Database, settleMembers: SettleMembers) {
  const groups = database.collection<GroupDocument>('groups');
  return {
    /** A group; undefined when there is none. */
    async get(groupId: string): Promise<GroupItem | undefined> {
      const group = await groups.findOne({ _id: groupId });
      return group ? toGroupItem(group) : undefined;
    },

    /** All groups. */
    list: async (): Promise<GroupItem[]> => (await groups.find().toArray()).map(toGroupItem),

    /** Those of the ids that no group has, in the given order. */
    async missing(groupIds: readonly string[]): Promise<string[]> {
      const found = await groups.find({ _id: { $in: [...groupIds] } }, { projection: { _id: 1 } }).toArray();
      const known = found.map((group) => group._id);
      return groupIds.filter((id) => !known.includes(id));
    },

    /** Inserts a group without permissions; undefined when the id is taken. */
    async insert(groupId: string): Promise<GroupItem | undefined> {
      const group: GroupDocument = { _id: groupId, permissions: completePermissions({}) };
      try {
        await groups.insertOne(group);
      } catch (error) {
        if (isDuplicate(error)) return undefined;
        throw error;
      }
      return toGroupItem(group);
    },

    /** Sets some of a group's permissions, for all members at once; undefined when there is no such group. */
    setPermissions(groupId: string, changes: Partial<Record<Permission, boolean>>): Promise<GroupItem | undefined> {
      const $set = Object.fromEntries(Object.entries(changes).map(([name, value]) => [`permissions.${name}`, value]));
      return database.transaction(async (session) => {
        await holdLock(database, 'memberships', session);
        if (Object.keys($set).length > 0) await groups.updateOne({ _id: groupId }, { $set }, { session });
        const group = await groups.findOne({ _id: groupId }, { session });
        if (!group) return undefined;
        await settleMembers(groupId, session);
        return toGroupItem(group);
      });
    },

    /** Removes a group from the list, from members, references, samples and settings; false when there is no such group. */
    remove: (groupId: string): Promise<boolean> =>
      database.transaction(async (session) => {
        await holdLock(database, 'memberships', session);
        const result = await groups.deleteOne({ _id: groupId }, { session });
        if (result.deletedCount === 0) return false;
        await settleMembers(groupId, session);
        await database
          .collection<Stored & { groups: { id: string }[] }>('references')
          .updateMany({ 'groups.id': groupId }, { $pull: { groups: { id: groupId } } }, { session });
        await database
          .collection<Stored & { group: string }>('samples')
          .updateMany({ group: groupId }, { $set: { group: 'none' } }, { session });
        const usedBySettings = { _id: 'settings', sample_group: groupId } as object;
        await database.db
          .collection('settings')
          .updateOne(usedBySettings, { $set: { sample_group: 'none' } }, { session });
        return true;
      }),
  };
}
