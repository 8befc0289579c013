import type { Filter } from 'mongodb';
import type { Database, Stored } from '../database/database.js';
import { fields } from '../database/pages.js';

/** Who asks: what rights on references depend on. */
export type ReferenceViewer = { userId: string; groups: readonly string[]; administrator: boolean };

/** What of a reference decides who may read it. */
export type ReferenceAccess = {
  user: { id: string };
  users?: readonly { id: string }[];
  groups?: readonly { id: string }[];
};

/** The references that something is limited to: all of them, or those with these ids. */
export type ReferenceScope = 'all' | readonly string[];

/** Projection of {@link ReferenceAccess}. */
export const REFERENCE_ACCESS = fields('user', 'users.id', 'groups.id');

/**
 * Whether somebody may read a reference, with all that belongs to it: whoever made it, is a member or in a group that is one, whatever
 * the rights of the member are, and administrators.
 */
export function canReadReference(viewer: ReferenceViewer, reference: ReferenceAccess): boolean {
  const has = (list: readonly { id: string }[] | undefined, wanted: (id: string) => boolean) =>
    (list ?? []).some(({ id }) => wanted(id));
  return (
    viewer.administrator ||
    reference.user?.id === viewer.userId ||
    has(reference.users, (id) => id === viewer.userId) ||
    has(reference.groups, (id) => viewer.groups.includes(id))
  );
}

/** Filter of the references that somebody may read: the same rule as {@link canReadReference}, for lists. */
export function readableReferences<T extends ReferenceAccess>(viewer: ReferenceViewer): Filter<T> {
  if (viewer.administrator) return {};
  const { userId, groups } = viewer;
  return {
    $or: [{ 'user.id': userId }, { 'users.id': userId }, { 'groups.id': { $in: [...groups] } }],
  } as unknown as Filter<T>;
}

/** Filter of the documents that belong to references of the scope. */
export function inScope(scope: ReferenceScope): { 'reference.id'?: string | { $in: string[] } } {
  if (scope === 'all') return {};
  const [only, ...others] = scope;
  return { 'reference.id': only !== undefined && others.length === 0 ? only : { $in: [...scope] } };
}

/** Access to the rights on references. */
export type ReferenceRightStore = ReturnType<typeof createReferenceRightStore>;

/** Tells who may read which references. */
export function createReferenceRightStore(database: Database) {
  const references = database.collection<Stored & ReferenceAccess>('references');
  return {
    /** What decides who may read a reference; null when it is gone. */
    access: (referenceId: string) => references.findOne({ _id: referenceId }, { projection: REFERENCE_ACCESS }),

    /** The references that somebody may read. */
    async scope(viewer: ReferenceViewer): Promise<ReferenceScope> {
      if (viewer.administrator) return 'all';
      const found = await references.find(readableReferences(viewer)).project<Stored>({ _id: 1 }).toArray();
      return found.map(({ _id }) => _id);
    },
  };
}
