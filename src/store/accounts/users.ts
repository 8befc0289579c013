import { createHash } from 'node:crypto';
import { Binary, type ClientSession, type Filter, type UpdateFilter } from 'mongodb';
import { completePermissions, PERMISSIONS, type Permissions } from '../../contracts/permissions.js';
import type { Database, Stored } from '../database/database.js';
import { isDuplicate } from '../database/ids.js';
import { holdLock } from '../database/locks.js';
import { fields, findKeptPage, type Page, type PageRequest } from '../database/pages.js';
import type { GroupDocument } from './groups.js';
import { limitKeys } from './keys.js';

/** What a user has chosen for the web client. */
export type AccountSettings = {
  skip_quick_analyze_dialog: boolean;
  show_ids: boolean;
  show_versions: boolean;
  quick_analyze_algorithm: string;
};

/** A user as stored. The password is a bcrypt hash, or with `salt` the hex SHA-512 of salt and password. */
export type UserDocument = Stored & {
  administrator: boolean;
  groups: string[];
  primary_group: string;
  permissions: Permissions;
  identicon: string;
  last_password_change: Date;
  force_reset: boolean;
  invalidate_sessions: boolean;
  settings: AccountSettings;
  email?: string;
  password: Binary | string;
  salt?: string;
};

/** A user in lists, details and messages. */
export type UserItem = {
  id: string;
  administrator: boolean;
  force_reset: boolean;
  groups: string[];
  identicon: string;
  last_password_change: Date;
  permissions: Permissions;
  primary_group: string;
};

/** A user as that user sees it. */
export type Account = Omit<UserItem, 'force_reset'> & { email?: string; settings: AccountSettings };

type Changes<T> = { [K in keyof T]?: T[K] | undefined };

/** What a user may do at this moment. */
export type UserRights = Pick<UserItem, 'administrator' | 'force_reset' | 'groups' | 'permissions'>;

/** What a password is checked against. */
export type Credentials = { hash: string; salt: string | undefined; forceReset: boolean };

/** What an administrator can change of a user. A hash is that of the new password. */
export type UserChanges = {
  administrator?: boolean | undefined;
  force_reset?: boolean | undefined;
  groups?: string[] | undefined;
  primary_group?: string | undefined;
  passwordHash?: string | undefined;
};

/** Fields that lists and messages need. */
export const USER_PROJECTION = fields(
  '_id',
  'administrator',
  'force_reset',
  'groups',
  'identicon',
  'last_password_change',
  'permissions',
  'primary_group',
);

const DEFAULT_ACCOUNT_SETTINGS: AccountSettings = {
  skip_quick_analyze_dialog: true,
  show_ids: true,
  show_versions: true,
  quick_analyze_algorithm: 'pathoscope_bowtie',
};
const FIRST_USER_MARKER = 'first_user';

/** A user in the form of lists and messages. */
export function toUserItem(user: UserDocument): UserItem {
  return {
    id: user._id,
    administrator: user.administrator === true,
    force_reset: user.force_reset === true,
    groups: user.groups ?? [],
    identicon: user.identicon,
    last_password_change: user.last_password_change,
    permissions: completePermissions(user.permissions),
    primary_group: user.primary_group ?? '',
  };
}

/** A user in the form that the user sees. */
function toAccount(user: UserDocument): Account {
  const { force_reset: _, ...item } = toUserItem(user);
  return {
    ...item,
    ...(user.email === undefined ? {} : { email: user.email }),
    settings: toAccountSettings(user.settings),
  };
}

function toAccountSettings(stored: Partial<AccountSettings> | undefined): AccountSettings {
  const names = Object.keys(DEFAULT_ACCOUNT_SETTINGS);
  const known = Object.entries(stored ?? {}).filter(([name]) => names.includes(name));
  return { ...DEFAULT_ACCOUNT_SETTINGS, ...Object.fromEntries(known) };
}

/** The permissions that the groups give together. */
function unitePermissions(groups: readonly Pick<GroupDocument, 'permissions'>[]): Permissions {
  const entries = PERMISSIONS.map((name) => [name, groups.some((group) => group.permissions?.[name] === true)]);
  return Object.fromEntries(entries) as Permissions;
}

function newUser(user: NewUser): UserDocument {
  return {
    _id: user.id,
    administrator: user.administrator,
    groups: [],
    settings: DEFAULT_ACCOUNT_SETTINGS,
    identicon: createHash('sha256').update(user.id).digest('hex'),
    permissions: completePermissions({}),
    password: toStoredHash(user.passwordHash),
    primary_group: '',
    force_reset: user.forceReset,
    last_password_change: new Date(),
    invalidate_sessions: false,
  };
}

type NewUser = { id: string; passwordHash: string; administrator: boolean; forceReset: boolean };

// Kept as release 3.7.3 keeps it.
function toStoredHash(hash: string): Binary {
  return new Binary(Buffer.from(hash, 'ascii'));
}

/** Reads and writes of users, with what hangs on them: sessions, keys, membership in references. */
export function createUserStore(database: Database) {
  const users = database.collection<UserDocument>('users');
  const groups = database.collection<GroupDocument>('groups');

  /** Brings permissions, primary group and keys of users in line with their groups; the transaction holds the lock `memberships`. */
  const settle = async (filter: Filter<UserDocument>, session: ClientSession): Promise<UserItem[]> => {
    const stored = await users.find(filter, { session, projection: USER_PROJECTION }).toArray();
    const names = [...new Set(stored.flatMap((user) => user.groups ?? []))];
    const existing = await groups.find({ _id: { $in: names } }, { session }).toArray();
    const settled = stored.map((user) => ({ user, wanted: derive(toUserItem(user), existing) }));
    const changes = settled
      .filter(({ user, wanted }) => !isSettled(user, wanted))
      .map(({ user, wanted }) => ({ updateOne: { filter: { _id: user._id }, update: { $set: wanted } } }));
    if (changes.length > 0) await users.bulkWrite(changes, { session });
    const items = settled.map(({ user, wanted }) => ({ ...toUserItem(user), ...wanted }));
    await limitKeys(database, items, session);
    return items;
  };

  /** Does the work in a transaction, but not when it takes the only administrator; tells whether it was done. */
  const keepingAdministrator = (work: (session: ClientSession) => Promise<void>): Promise<boolean> =>
    database.transaction(async (session) => {
      // Two that each see the other one as administrator would leave none.
      await holdLock(database, 'administrators', session);
      const count = () => users.countDocuments({ administrator: true }, { limit: 1, session });
      const hadOne = (await count()) > 0;
      await work(session);
      if (!hadOne || (await count()) > 0) return true;
      await session.abortTransaction();
      return false;
    });

  return {
    /** Whether there is any user. */
    any: async (): Promise<boolean> => (await users.findOne({}, { projection: { _id: 1 } })) !== null,

    /** A user as administrators see it; undefined when there is none. */
    async get(userId: string): Promise<UserItem | undefined> {
      const user = await users.findOne({ _id: userId }, { projection: USER_PROJECTION });
      return user ? toUserItem(user) : undefined;
    },

    /** A user as that user sees it; undefined when there is none. */
    async account(userId: string): Promise<Account | undefined> {
      const user = await users.findOne({ _id: userId }, { projection: { password: 0, salt: 0 } });
      return user ? toAccount(user) : undefined;
    },

    /** What a user may do now; undefined when there is no such user. */
    rights: (userId: string): Promise<UserRights | undefined> =>
      users
        .findOne({ _id: userId }, { projection: USER_PROJECTION })
        .then((user) => (user ? toUserItem(user) : undefined)),

    /** What the user's password is checked against; undefined when there is no such user. */
    async credentials(userId: string): Promise<Credentials | undefined> {
      const projection = fields('password', 'salt', 'force_reset');
      const user = await users.findOne({ _id: userId }, { projection });
      if (!user) return undefined;
      const hash =
        typeof user.password === 'string' ? user.password : Buffer.from(user.password.buffer).toString('ascii');
      return { hash, salt: user.salt, forceReset: user.force_reset === true };
    },

    /** One page of users in the order of their ids. */
    list(find: string | undefined, request: PageRequest): Promise<Page<UserDocument>> {
      const kept = database.kept.of('users');
      return findKeptPage(users, { kept, find, sort: { _id: 1 }, projection: USER_PROJECTION }, request);
    },

    /** Inserts a user; undefined when the id is taken. */
    async insert(user: NewUser): Promise<UserItem | undefined> {
      const document = newUser(user);
      try {
        await users.insertOne(document);
      } catch (error) {
        if (isDuplicate(error)) return undefined;
        throw error;
      }
      return toUserItem(document);
    },

    /**
     * Inserts the first user, an administrator; undefined when there is a user or was one. Of several at once just one
     * wins, as they all insert the same marker document.
     */
    async insertFirst(user: { id: string; passwordHash: string }): Promise<UserItem | undefined> {
      const document = newUser({ ...user, administrator: true, forceReset: false });
      try {
        return await database.transaction(async (session) => {
          await database
            .collection<Stored & { claimed_at: Date }>('settings')
            .insertOne({ _id: FIRST_USER_MARKER, claimed_at: new Date() }, { session });
          if (await users.findOne({}, { session, projection: { _id: 1 } })) throw new Taken();
          await users.insertOne(document, { session });
          return toUserItem(document);
        });
      } catch (error) {
        if (error instanceof Taken || isDuplicate(error)) return undefined;
        throw error;
      }
    },

    /**
     * Changes a user and brings permissions, primary group and keys in line with the groups; undefined when there is no
     * such user. The last administrator stays one: of several who take the right from each other at once, one is refused.
     */
    async update(userId: string, changes: UserChanges): Promise<UserItem | 'last_administrator' | undefined> {
      const { passwordHash, ...plain } = changes;
      const set: Partial<UserDocument> = Object.fromEntries(
        Object.entries(plain).filter(([, value]) => value !== undefined),
      );
      const password = passwordHash === undefined ? {} : passwordChange(passwordHash);
      const $set = { ...set, ...password, ...(endsSessions(changes) ? { invalidate_sessions: true } : {}) };
      const change = { $set, ...(passwordHash ? UNSALT : {}) };
      let changed: UserItem | undefined;
      const write = async (session: ClientSession) => {
        await holdLock(database, 'memberships', session);
        if (Object.keys($set).length > 0) await users.updateOne({ _id: userId }, change, { session });
        [changed] = await settle({ _id: userId }, session);
      };
      if (changes.administrator !== false) await database.transaction(write);
      else if (!(await keepingAdministrator(write))) return 'last_administrator';
      return changed;
    },

    /** Sets the password that the user has chosen; false when there is no such user. */
    async setOwnPassword(userId: string, passwordHash: string): Promise<boolean> {
      const $set = { ...passwordChange(passwordHash), force_reset: false, invalidate_sessions: false };
      const result = await users.updateOne({ _id: userId }, { $set, ...UNSALT });
      return result.matchedCount === 1;
    },

    /** Sets the e-mail address. */
    async setEmail(userId: string, email: string): Promise<void> {
      await users.updateOne({ _id: userId }, { $set: { email } });
    },

    /** Sets some of the user's settings. */
    async setAccountSettings(userId: string, changes: Changes<AccountSettings>): Promise<void> {
      const $set = Object.fromEntries(Object.entries(changes).map(([name, value]) => [`settings.${name}`, value]));
      if (Object.keys($set).length > 0) await users.updateOne({ _id: userId }, { $set } as UpdateFilter<UserDocument>);
    },

    /**
     * Brings permissions, primary group and keys of all members of a group in line with their groups, in the caller's transaction, which
     * holds the lock `memberships`.
     */
    async settleMembers(groupId: string, session: ClientSession): Promise<void> {
      await settle({ groups: groupId }, session);
    },

    /** Removes a user with sessions, keys and memberships, unless it is the last administrator. */
    async remove(userId: string): Promise<'removed' | 'not_found' | 'last_administrator'> {
      let isGone = false;
      const isKept = await keepingAdministrator(async (session) => {
        isGone = (await users.deleteOne({ _id: userId }, { session })).deletedCount === 1;
        if (isGone) await removeTraces(database, userId, session);
      });
      if (!isKept) return 'last_administrator';
      return isGone ? 'removed' : 'not_found';
    },
  };
}

class Taken extends Error {}

const UNSALT = { $unset: { salt: '' } } as const;

function passwordChange(hash: string) {
  return { password: toStoredHash(hash), last_password_change: new Date() };
}

/** Whether changes by an administrator end the user's sessions. */
export function endsSessions(changes: UserChanges): boolean {
  return changes.passwordHash !== undefined || changes.force_reset === true;
}

type Derived = Pick<UserItem, 'groups' | 'primary_group' | 'permissions'>;

function derive(user: UserItem, existing: GroupDocument[]): Derived {
  const names = existing.map((group) => group._id);
  const kept = user.groups.filter((group) => names.includes(group));
  return {
    groups: kept,
    primary_group: kept.includes(user.primary_group) ? user.primary_group : '',
    permissions: unitePermissions(existing.filter(({ _id }) => kept.includes(_id))),
  };
}

function isSettled(stored: UserDocument, wanted: Derived): boolean {
  return (
    stored.groups?.length === wanted.groups.length &&
    stored.primary_group === wanted.primary_group &&
    PERMISSIONS.every((name) => stored.permissions?.[name] === wanted.permissions[name])
  );
}

async function removeTraces(database: Database, userId: string, session: ClientSession): Promise<void> {
  type Reference = Stored & { users: { id: string }[] };
  await database
    .collection<Reference>('references')
    .updateMany({ 'users.id': userId }, { $pull: { users: { id: userId } } }, { session });
  await database.db.collection('sessions').deleteMany({ 'user.id': userId }, { session });
  await database.db.collection('sessions').deleteMany({ reset_user_id: userId }, { session });
  await database.db.collection('keys').deleteMany({ 'user.id': userId }, { session });
}
