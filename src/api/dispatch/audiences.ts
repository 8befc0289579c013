import type { Document } from 'mongodb';
import { fields } from '../../store/database/pages.js';
import { JOB_ACCESS, parentOfJob } from '../../store/job_rights.js';
import { isCommonProcess } from '../../store/process_rights.js';
import { REFERENCE_ACCESS } from '../../store/references/reference_rights.js';
import { SAMPLE_RIGHTS_FIELDS, type SampleRights } from '../../store/samples/sample_rights.js';
import { ADMINISTRATORS, EVERYONE, type Visibility } from './visibility.js';

/** A document whose audience may see what belongs to it. */
export type Parent = { parent: ParentKind; id: string };

/** Collections of parents. */
export type ParentKind = 'samples' | 'references' | 'jobs';

/**
 * Who may see the documents of an interface, in words for the table of rights, and for each document: whoever one of the parts lets.
 * A parent that is gone lets administrators.
 */
export type Audience = {
  rule: 'everyone' | 'administrators' | 'user' | 'sample' | 'reference' | 'job' | 'process' | 'file';
  of(document: Document): readonly (Visibility | Parent)[];
};

/** Every signed-in user. */
export const everyone: Audience = { rule: 'everyone', of: () => [EVERYONE] };

/** Administrators alone. */
export const administrators: Audience = { rule: 'administrators', of: () => [ADMINISTRATORS] };

/** The user that the document is about. */
export const ofUser: Audience = { rule: 'user', of: (user) => [{ kind: 'user', id: user._id }] };

/** Who may read the sample that the document belongs to. */
export const ofSample: Audience = { rule: 'sample', of: ({ sample }) => parent('samples', sample?.id) };

/** Who may read the reference that the document belongs to. */
export const ofReference: Audience = { rule: 'reference', of: ({ reference }) => parent('references', reference?.id) };

/** The user that the job runs for, and who may read its sample or reference; everyone where it has neither. */
export const ofJob: Audience = {
  rule: 'job',
  of({ user, args }) {
    const found = parentOfJob({ args });
    if (!found) return [EVERYONE];
    return [ofUserId(user?.id), ...parent(found.kind === 'sample' ? 'samples' : 'references', found.id)];
  },
};

/** The user that has asked for the process, and who may read its reference; everyone for those of the server. */
export const ofProcess: Audience = {
  rule: 'process',
  of(process) {
    if (isCommonProcess(process)) return [EVERYONE];
    return [ofUserId(process.context?.user_id), ...parent('references', process.context?.ref_id)];
  },
};

/** Everyone while nothing has taken the file; then its uploader, and who may see the job that has taken it. */
export const ofFile: Audience = {
  rule: 'file',
  of({ reserved, reserved_by, user }) {
    return reserved === true ? [ofUserId(user?.id), ...parent('jobs', reserved_by)] : [EVERYONE];
  },
};

const ITSELF = {
  samples: (document: Document): Visibility => ({ kind: 'sample', id: document._id, sample: sampleRights(document) }),
  references: ({ _id, user, users = [], groups = [] }: Document): Visibility => ({
    kind: 'reference',
    id: _id,
    reference: { user: { id: user?.id ?? '' }, users, groups },
  }),
};

/** Who may read the sample or reference that the document is. */
export function ofItself(kind: 'samples' | 'references'): Audience {
  return { rule: kind === 'samples' ? 'sample' : 'reference', of: (document) => [ITSELF[kind](document)] };
}

/** What parents are asked for, and who may see what belongs to them. */
export const PARENTS: Record<ParentKind, { projection: Document; audience: Audience }> = {
  samples: { projection: fields(...SAMPLE_RIGHTS_FIELDS), audience: ofItself('samples') },
  references: { projection: REFERENCE_ACCESS, audience: ofItself('references') },
  jobs: { projection: JOB_ACCESS, audience: ofJob },
};

function ofUserId(id: unknown): Visibility {
  return typeof id === 'string' ? { kind: 'user', id } : ADMINISTRATORS;
}

function parent(kind: ParentKind, id: unknown): Parent[] {
  return typeof id === 'string' ? [{ parent: kind, id }] : [];
}

// Samples of old releases may lack some of the fields.
function sampleRights(document: Document): SampleRights {
  return {
    user: { id: document.user?.id ?? '' },
    group: document.group ?? null,
    group_read: document.group_read === true,
    group_write: document.group_write === true,
    all_read: document.all_read === true,
    all_write: document.all_write === true,
  };
}
