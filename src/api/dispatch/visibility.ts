import { canReadReference, type ReferenceAccess } from '../../store/references/reference_rights.js';
import { canRead, type RightsHolder, type SampleRights } from '../../store/samples/sample_rights.js';

/** A signed-in browser's user with the rights of this moment. */
export type Viewer = RightsHolder;

/** Who may see a document. */
export type Visibility =
  | { kind: 'everyone' }
  | { kind: 'administrators' }
  | { kind: 'user'; id: string | undefined }
  | { kind: 'sample'; id: string; sample: SampleRights }
  | { kind: 'reference'; id: string; reference: ReferenceAccess }
  | { kind: 'any'; of: readonly Visibility[] };

/** For every signed-in user. */
export const EVERYONE: Visibility = { kind: 'everyone' };

/** For administrators alone. */
export const ADMINISTRATORS: Visibility = { kind: 'administrators' };

/** Whether the viewer may see a document of this visibility. */
export function maySee(viewer: Viewer, visibility: Visibility): boolean {
  if (viewer.administrator) return true;
  switch (visibility.kind) {
    case 'everyone':
      return true;
    case 'administrators':
      return false;
    case 'user':
      return visibility.id === viewer.userId;
    case 'sample':
      return canRead(viewer, visibility.sample);
    case 'reference':
      return canReadReference(viewer, visibility.reference);
    case 'any':
      return visibility.of.some((one) => maySee(viewer, one));
  }
}

/** A visibility in which that of the given samples or references, by id, is another one now. */
export function withParents(
  visibility: Visibility,
  kind: 'sample' | 'reference',
  parents: ReadonlyMap<string, Visibility>,
): Visibility {
  if (visibility.kind === kind) return plain(parents.get(visibility.id) ?? visibility);
  if (visibility.kind !== 'any') return visibility;
  return { kind: 'any', of: visibility.of.map((one) => withParents(one, kind, parents)) };
}

function plain(visibility: Visibility): Visibility {
  const [only, ...others] = visibility.kind === 'any' ? visibility.of : [];
  return only && others.length === 0 ? plain(only) : visibility;
}

/** Whether two visibilities are the same for everybody. */
export function isSameVisibility(one: Visibility, other: Visibility): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

/** Whether two viewers are one user with the same rights. */
export function isSameViewer(one: Viewer, other: Viewer): boolean {
  const groups = new Set(one.groups);
  return (
    one.userId === other.userId &&
    one.administrator === other.administrator &&
    groups.size === new Set(other.groups).size &&
    other.groups.every((group) => groups.has(group))
  );
}

const REMEMBERED = 20_000;

/** What is remembered of the documents that were dispatched last; a deleted one can no longer be read. */
export type Memory<T> = {
  get(collection: string, id: string): T | undefined;
  set(collection: string, id: string, value: T): void;
  delete(collection: string, id: string): void;
  /** Gives all that is remembered another value. */
  change(change: (value: T) => T): void;
  clear(): void;
};

/** Remembers something of the newest `limit` documents. */
export function createMemory<T>(limit = REMEMBERED): Memory<T> {
  const known = new Map<string, T>();
  const keyOf = (collection: string, id: string) => `${collection}/${id}`;
  return {
    get: (collection, id) => known.get(keyOf(collection, id)),
    delete: (collection, id) => void known.delete(keyOf(collection, id)),
    change(change) {
      for (const [key, value] of known) known.set(key, change(value));
    },
    clear: () => known.clear(),
    set(collection, id, value) {
      const key = keyOf(collection, id);
      // A key that is set again becomes the newest.
      known.delete(key);
      known.set(key, value);
      const [oldest] = known.keys();
      if (known.size > limit && oldest !== undefined) known.delete(oldest);
    },
  };
}
