import type { ClientSession, Filter, UpdateFilter } from 'mongodb';
import type { Database, Stored } from '../database/database.js';
import { fields, findPage, type Page, type PageRequest, searchFilter } from '../database/pages.js';
import { releaseNames } from '../otus/otu_names.js';
import type { KnownRelease, ReleaseUpdate } from '../releases.js';
import { type ReferenceViewer, readableReferences } from './reference_rights.js';

/** The rights of a member of a reference. */
export const RIGHTS = ['build', 'modify', 'modify_otu', 'remove'] as const;
export type Right = (typeof RIGHTS)[number];
export type Rights = Record<Right, boolean>;

/** A user or group with rights on a reference. The creator's own entry has no date. */
export type Member = Rights & { id: string; created_at?: Date };

/** The two kinds of members, named like the fields of the reference. */
export type MemberKind = 'groups' | 'users';

/** What a reference is about. Nothing else depends on it. */
export const DATA_TYPES = ['genome', 'barcode'] as const;
export type DataType = (typeof DATA_TYPES)[number];

/** The repository that a remote reference follows. */
export type RemoteSource = {
  slug: string;
  /** Those of the reference, once more. */
  errors: unknown[];
  /** When the release service may be asked again; only after it has refused to answer. */
  retry_at?: Date;
};

/** A reference as stored. */
export type ReferenceDocument = Stored & {
  created_at: Date;
  name: string;
  description: string;
  /** Null, as is the data type, until the process of an import has read the file. */
  organism: string | null;
  data_type: DataType | null;
  /** An OTU of this reference. */
  internal_control: { id: string } | null;
  restrict_source_types: boolean;
  source_types: string[];
  groups: Member[];
  users: Member[];
  user: { id: string };
  /** The latest process, if there was one. */
  process?: { id: string };
  cloned_from?: { id: string; name: string };
  /** The uploaded file. */
  imported_from?: { id: string; name: string; user: { id: string } | null };
  /** Only on remote references, as are the next five: where it comes from. */
  remotes_from?: RemoteSource;
  /** The latest known release; null when none was ever found. */
  release?: KnownRelease | null;
  /** Installations, oldest first. One with an `error` has failed. */
  updates?: ReleaseUpdate[];
  /** What is installed, since when, and the SHA-256 of its file where that is known. */
  installed?: ReleaseUpdate | null;
  /** Absent until something is installed. */
  updating?: boolean;
  /** What came of the last question for a release. */
  errors?: string[];
  /** What an import has changed in the file's words; absent when it was nothing. */
  notes?: string[];
};

/** Fields that lists and messages need. */
export const REFERENCE_PROJECTION = fields(
  '_id',
  'remotes_from',
  'cloned_from',
  'created_at',
  'data_type',
  'imported_from',
  'installed',
  'internal_control',
  'name',
  'organism',
  'process',
  'release',
  'updates',
  'updating',
  'user',
);

/** A reference in lists and messages. */
export type ReferenceListItem = Omit<
  ReferenceDocument,
  'description' | 'restrict_source_types' | 'source_types' | 'groups' | 'users' | 'errors' | 'notes'
>;

/** Whether somebody holds a right: as administrator, by the own entry, or by that of a group. */
export function holdsRight(
  reference: Pick<ReferenceDocument, 'users' | 'groups'>,
  viewer: ReferenceViewer,
  right: Right,
): boolean {
  return (
    viewer.administrator ||
    reference.users.some((member) => member.id === viewer.userId && member[right]) ||
    reference.groups.some((member) => viewer.groups.includes(member.id) && member[right])
  );
}

/** Whether some member holds all rights, so that the reference can be looked after. */
function hasOwner(members: Pick<ReferenceDocument, 'users' | 'groups'>): boolean {
  return [...members.users, ...members.groups].some((member) => RIGHTS.every((right) => member[right]));
}

/** What can be edited. */
export type ReferenceChanges = Partial<
  Pick<
    ReferenceDocument,
    | 'name'
    | 'description'
    | 'data_type'
    | 'organism'
    | 'internal_control'
    | 'restrict_source_types'
    | 'source_types'
    | 'notes'
  >
>;

/** A change of a member list, or why it cannot be. */
export type MemberOutcome =
  | { ok: true; member: Member | undefined }
  | { ok: false; reason: 'unknown' | 'exists' | 'last_owner' };

/** Reads and writes of references. */
export function createReferenceStore(database: Database) {
  const references = database.collection<ReferenceDocument>('references');

  /** Changes one member list under the rule that an owner stays; `change` gives the new list or a reason. */
  const changeMembers = (
    referenceId: string,
    kind: MemberKind,
    change: (members: Member[]) => Member[] | 'exists' | 'unknown',
    memberId: string,
  ): Promise<MemberOutcome> =>
    database.transaction(async (session) => {
      const reference = await references.findOne({ _id: referenceId }, { session });
      if (!reference) return { ok: false, reason: 'unknown' };
      const members = change(reference[kind]);
      if (typeof members === 'string') return { ok: false, reason: members };
      if (hasOwner(reference) && !hasOwner({ ...reference, [kind]: members })) {
        return { ok: false, reason: 'last_owner' };
      }
      const set = { $set: { [kind]: members } } as UpdateFilter<ReferenceDocument>;
      await references.updateOne({ _id: referenceId }, set, { session });
      return { ok: true, member: members.find((member) => member.id === memberId) };
    });

  return {
    collection: references,

    get: (referenceId: string) => references.findOne({ _id: referenceId }),

    /** Inserts a reference in the caller's transaction. */
    async insert(reference: ReferenceDocument, session?: ClientSession): Promise<void> {
      await references.insertOne(reference, session ? { session } : {});
    },

    /** One page of the references that somebody may read, sorted by name; the term is looked for in name and data type. */
    list(viewer: ReferenceViewer, term: string | undefined, request: PageRequest): Promise<Page<ReferenceListItem>> {
      return findPage(
        references,
        {
          base: readableReferences<ReferenceDocument>(viewer),
          search: searchFilter(['name', 'data_type'], term) as Filter<ReferenceDocument> | undefined,
          sort: { name: 1, _id: 1 },
          projection: REFERENCE_PROJECTION,
        },
        request,
      );
    },

    /** Changes some fields; null when the reference is gone. */
    edit(referenceId: string, changes: ReferenceChanges, session?: ClientSession): Promise<ReferenceDocument | null> {
      const options = session ? { session } : {};
      if (Object.keys(changes).length === 0) return references.findOne({ _id: referenceId }, options);
      const after = { ...options, returnDocument: 'after' } as const;
      return references.findOneAndUpdate({ _id: referenceId }, { $set: changes }, after);
    },

    /** Adds a member. */
    addMember: (referenceId: string, kind: MemberKind, member: Member) =>
      changeMembers(
        referenceId,
        kind,
        (members) => (members.some(({ id }) => id === member.id) ? 'exists' : [...members, member]),
        member.id,
      ),

    /** Changes some rights of a member. */
    editMember: (referenceId: string, kind: MemberKind, memberId: string, rights: Partial<Rights>) =>
      changeMembers(
        referenceId,
        kind,
        (members) =>
          members.some(({ id }) => id === memberId)
            ? members.map((member) => (member.id === memberId ? { ...member, ...rights } : member))
            : 'unknown',
        memberId,
      ),

    /** Removes a member. */
    removeMember: (referenceId: string, kind: MemberKind, memberId: string) =>
      changeMembers(
        referenceId,
        kind,
        (members) =>
          members.some(({ id }) => id === memberId) ? members.filter(({ id }) => id !== memberId) : 'unknown',
        memberId,
      ),

    /** Removes the document in the caller's transaction; false when it is gone. What belongs to it stays. */
    async remove(referenceId: string, session: ClientSession): Promise<boolean> {
      await releaseNames(database, referenceId, session);
      const { deletedCount } = await references.deleteOne({ _id: referenceId }, { session });
      return deletedCount === 1;
    },
  };
}
