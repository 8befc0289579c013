import {
  holdsRight,
  type Member,
  type MemberKind,
  type MemberOutcome,
  type ReferenceDocument,
  RIGHTS,
  type Rights,
} from '../../store/references/references.js';
import type { ApiDeps } from '../deps.js';
import type { Caller } from '../http/caller.js';
import { badRequest, conflict, insufficientRights, notFound, type Refusal } from '../http/refusals.js';
import { created, json, noContent, path, type Route, type RouteResult, route } from '../http/route.js';
import { onReference } from '../rights/references.js';
import { AddGroup, AddUser, EditRights } from './schemas.js';
import { withIdenticon } from './wire.js';

const TAG = 'Reference members';
const ANSWERS = {
  403: 'The right `modify` is missing, or one that is to be granted',
  404: 'No such reference or member',
};
const LAST_OWNER = { 409: 'Nobody with all rights would be left' };

/** Members of references: users and groups with their rights. Nobody grants a right that they lack. */
export function createMemberRoutes(deps: ApiDeps): Route[] {
  return [...groupReads(deps), ...additions(deps), ...changes(deps, 'groups'), ...changes(deps, 'users')];
}

function groupReads({ store }: ApiDeps): Route[] {
  return [
    route({
      method: 'GET',
      path: '/api/refs/:ref_id/groups',
      access: 'user',
      right: onReference(store, 'read'),
      tag: TAG,
      summary: 'List the groups of a reference',
      description: 'All groups with rights on the reference.',
      answers: { 200: 'The groups', 404: 'No such reference' },
      handle: async ({ subject: reference }) => json(reference.groups),
    }),
    route({
      method: 'GET',
      path: '/api/refs/:ref_id/groups/:member_id',
      access: 'user',
      right: onReference(store, 'read'),
      tag: TAG,
      summary: 'Get a group of a reference',
      description: 'The rights of one group.',
      answers: { 200: 'The group', 404: 'No such reference or group' },
      async handle({ params, subject: reference }) {
        const member = reference.groups.find(({ id }) => id === params.member_id);
        return member ? json(member) : notFound();
      },
    }),
  ];
}

function additions(deps: ApiDeps): Route[] {
  const { store } = deps;
  const add = async (
    reference: ReferenceDocument,
    caller: Caller,
    kind: MemberKind,
    { id, ...rights }: Rights & { id: string },
  ): Promise<RouteResult> => {
    if (lacksOne(reference, caller, rights)) return insufficientRights();
    const exists = kind === 'groups' ? await store.groups.get(id) : await store.users.get(id);
    if (!exists) return badRequest(`${TITLES[kind]} does not exist`);
    const member: Member = { id, created_at: new Date(), ...rights };
    const outcome = await store.references.addMember(reference._id, kind, member);
    if (!outcome.ok) return refusalOf(outcome, kind);
    return created(toWireMember(kind, member), path`/api/refs/${reference._id}/${kind}/${id}`);
  };
  const common = {
    method: 'POST',
    access: 'user',
    right: onReference(store, 'modify'),
    audit: 'member',
    tag: TAG,
  } as const;
  const answers = {
    201: 'The new member',
    400: 'There is no such user or group, or it is a member already',
    ...ANSWERS,
  };
  return [
    route({
      ...common,
      path: '/api/refs/:ref_id/groups',
      summary: 'Add a group to a reference',
      description: 'Gives a group rights on the reference; those that are left out are not granted.',
      body: AddGroup,
      answers,
      handle: ({ subject, caller, body: { group_id, ...rights } }) =>
        add(subject, caller, 'groups', { id: group_id, ...rights }),
    }),
    route({
      ...common,
      path: '/api/refs/:ref_id/users',
      summary: 'Add a user to a reference',
      description: 'Gives a user rights on the reference; those that are left out are not granted.',
      body: AddUser,
      answers,
      handle: ({ subject, caller, body: { user_id, ...rights } }) =>
        add(subject, caller, 'users', { id: user_id, ...rights }),
    }),
  ];
}

function changes(deps: ApiDeps, kind: MemberKind): Route[] {
  const { store } = deps;
  const title = TITLES[kind].toLowerCase();
  const common = {
    path: `/api/refs/:ref_id/${kind}/:member_id`,
    access: 'user',
    right: onReference(store, 'modify'),
    audit: 'member',
    tag: TAG,
  } as const;
  return [
    route({
      ...common,
      method: 'PATCH',
      summary: `Change the rights of a ${title}`,
      description: 'Rights that are left out stay as they are.',
      body: EditRights,
      answers: { 200: 'The changed member', ...ANSWERS, ...LAST_OWNER },
      async handle({ params, caller, subject: reference, body }) {
        const rights = given(body);
        if (lacksOne(reference, caller, rights)) return insufficientRights();
        const outcome = await store.references.editMember(reference._id, kind, params.member_id ?? '', rights);
        if (!outcome.ok) return refusalOf(outcome, kind);
        return outcome.member ? json(toWireMember(kind, outcome.member)) : notFound();
      },
    }),
    route({
      ...common,
      method: 'DELETE',
      summary: `Remove a ${title} from a reference`,
      description: 'The member loses all rights on the reference.',
      answers: { 204: 'Removed', ...ANSWERS, ...LAST_OWNER },
      async handle({ params, subject: reference }) {
        const outcome = await store.references.removeMember(reference._id, kind, params.member_id ?? '');
        return outcome.ok ? noContent() : refusalOf(outcome, kind);
      },
    }),
  ];
}

const TITLES = { groups: 'Group', users: 'User' } as const;

/** Whether the caller lacks one of the rights that are to be granted. */
function lacksOne(reference: ReferenceDocument, caller: Caller, rights: Partial<Rights>): boolean {
  return RIGHTS.some((right) => rights[right] === true && !holdsRight(reference, caller, right));
}

function given(body: { [right in keyof Rights]?: boolean | undefined }): Partial<Rights> {
  return Object.fromEntries(Object.entries(body).filter(([, value]) => value !== undefined));
}

function refusalOf({ reason }: MemberOutcome & { ok: false }, kind: MemberKind): Refusal {
  if (reason === 'unknown') return notFound();
  if (reason === 'exists') return badRequest(`${TITLES[kind]} already exists`);
  return conflict('A reference needs a member with all rights');
}

function toWireMember(kind: MemberKind, member: Member): Member {
  return kind === 'users' ? withIdenticon(member) : member;
}
