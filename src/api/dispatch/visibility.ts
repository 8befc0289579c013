import { canReadReference, type ReferenceAccess } from '../../store/references/reference_rights.js';
import { canRead, type RightsHolder, type SampleRights } from '../../store/samples/sample_rights.js';

/** A signed-in browser's user with the rights of this moment. */
export type Viewer = RightsHolder;

/** Who may see a document. */
export type Visibility =
  | { kind: 'everyone' }
  | { kind: 'administrators' }
  | { kind: 'user'; id: string | undefined }
  | { kind: 'sample'; sample: SampleRights }
  | { kind: 'reference'; reference: ReferenceAccess }
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

const REMEMBERED = 20_000;

/** What is remembered of the documents that were dispatched last; a deleted one can no longer be read. */
export type Memory<T> = {
  get(collection: string, id: string): T | undefined;
  set(collection: string, id: string, value: T): void;
  delete(collection: string, id: string): void;
};

/** Remembers something of the newest `limit` documents. */
export function createMemory<T>(limit = REMEMBERED): Memory<T> {
  const known = new Map<string, T>();
  const keyOf = (collection: string, id: string) => `${collection}/${id}`;
  return {
    get: (collection, id) => known.get(keyOf(collection, id)),
    delete: (collection, id) => void known.delete(keyOf(collection, id)),
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
