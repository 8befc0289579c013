import { Binary } from 'mongodb';
import { eachDocument, idIn, inBatches, knownIds, type Loose, textOf } from '../documents.js';
import type { Rule } from '../rule.js';

/** API keys hold for as long as their user: the hash that release 3.7.3 stored is the one that this server looks for. */
export const keysOfNobody: Rule = {
  name: 'keys_of_nobody',
  title: 'API keys of users that are gone',
  action: 'removed',
  async *find({ store }) {
    const keys = store.database.collection<Loose>('keys');
    const users = store.database.collection<Loose>('users');
    for await (const batch of inBatches(eachDocument(keys, {}, { id: 1, user: 1 }))) {
      const known = await knownIds(
        users,
        batch.flatMap(({ user }) => idIn(user) ?? []),
      );
      for (const { _id, id, user } of batch) {
        if (known.has(idIn(user) ?? '')) continue;
        // The name that people know; the document's own id is the hash of the key.
        yield { id: textOf(id) ?? 'without a name', repair: async () => void (await keys.deleteOne({ _id })) };
      }
    }
  },
};

/** A session of release 3.7.3 lives on; one that never ends, or a reset that cannot be completed, does not. */
export const deadSessions: Rule = {
  name: 'dead_sessions',
  title: 'Sessions without an end, and password resets under way',
  action: 'removed: sign in again',
  async *find({ store }) {
    const sessions = store.database.collection<Loose>('sessions');
    const dead = {
      $or: [
        { created_at: { $not: { $type: 'date' } } },
        { expiresAt: { $not: { $type: 'date' } } },
        { reset_code: { $exists: true }, reset_tries: { $exists: false } },
      ],
    };
    for await (const { _id, user, reset_user_id } of eachDocument(sessions, dead, { user: 1, reset_user_id: 1 })) {
      // Not the id, which is half of what a browser proves itself with.
      const id = idIn(user) ?? textOf(reset_user_id) ?? 'nobody';
      yield { id, repair: async () => void (await sessions.deleteOne({ _id })) };
    }
  },
};

const BCRYPT = /^\$2[abxy]?\$\d\d\$[./A-Za-z0-9]{53}$/;
const SHA512 = /^[0-9a-fA-F]{128}$/;

/** Passwords are kept as bcrypt hash, before release 3 as SHA-512 with a salt; both go on working. */
export const unknownPasswords: Rule = {
  name: 'unknown_passwords',
  title: 'Users whose password is stored in a form that cannot be checked',
  action: 'an administrator must give them another',
  async *find({ store }) {
    const users = store.database.collection<Loose>('users');
    for await (const { _id, password, salt } of eachDocument(users, {}, { password: 1, salt: 1 })) {
      const hash = password instanceof Binary ? Buffer.from(password.buffer).toString('latin1') : String(password);
      if (!(salt === undefined ? BCRYPT : SHA512).test(hash)) yield { id: _id };
    }
  },
};
