import type * as v from 'valibot';
import { endsSessions, toUserItem, type UserItem } from '../../store/accounts/users.js';
import { mapPage } from '../../store/database/pages.js';
import { signIn } from '../account/login_routes.js';
import { hashPassword, refusePassword } from '../account/passwords.js';
import type { ApiDeps } from '../deps.js';
import type { Caller } from '../http/caller.js';
import { pageRequest, searchTerm } from '../http/paging.js';
import { peerNetwork } from '../http/peer.js';
import { badRequest, conflict, notFound, type Refusal } from '../http/refusals.js';
import { common } from '../http/right.js';
import {
  created,
  json,
  noContent,
  path,
  publicRoute,
  type Route,
  type RouteRequest,
  type RouteResult,
  route,
} from '../http/route.js';
import { FirstUserBody, NewUserBody, UserBody } from './schemas.js';

const TAG = 'Users';
const RESERVED = 'virtool';

/** Routes of users. */
export function createUserRoutes(deps: ApiDeps): Route[] {
  return [listUsers(deps), firstUser(deps), getUser(deps), createUser(deps), changeUser(deps), removeUser(deps)];
}

function listUsers({ store }: ApiDeps): Route {
  return route({
    method: 'GET',
    path: '/api/users',
    access: 'user',
    right: common('names of users are known to all, the rest to administrators'),
    tag: TAG,
    summary: 'Search users',
    description:
      'A page of users in the order of their ids. Administrators get whole users, others only `id` and `identicon`.',
    query: { find: 'text that the id contains', page: 'page, from 1', per_page: 'users per page, 1 to 500' },
    answers: { 200: 'The page' },
    async handle({ caller, query }) {
      const page = mapPage(await store.users.list(searchTerm(query), pageRequest(query)), toUserItem);
      return json(caller.administrator ? page : mapPage(page, ({ id, identicon }) => ({ id, identicon })));
    },
  });
}

function firstUser(deps: ApiDeps): Route {
  const { store } = deps;
  return publicRoute({
    method: 'PUT',
    path: '/api/users/first',
    access: { public: 'there is nobody yet who could sign in; it works once' },
    tag: TAG,
    audit: 'user',
    summary: 'Create the first user',
    description:
      'Creates an administrator and signs in. Works only while there is no user; of several at once one wins.',
    body: FirstUserBody,
    answers: {
      201: 'The user; the cookies of the session are set',
      400: 'Name reserved, or password too short or too long',
      409: 'There is a user already',
    },
    async handle({ context, body: { user_id: userId, password } }) {
      if (await store.users.any()) return hasFirstUser();
      const refused = await refuseNewUser(deps, userId, password);
      if (refused) return refused;
      const passwordHash = await hashPassword(password, peerNetwork(context));
      const user = await store.users.insertFirst({ id: userId, passwordHash });
      if (!user) return hasFirstUser();
      context.set('actor', userId);
      await signIn(deps, context, userId, false, passwordHash);
      return answerCreated(user);
    },
  });
}

function getUser({ store }: ApiDeps): Route {
  return route({
    method: 'GET',
    path: '/api/users/:user_id',
    access: 'administrator',
    right: common('users of the server'),
    tag: TAG,
    summary: 'Show a user',
    description: 'One user with groups and permissions.',
    answers: { 200: 'The user', 404: 'No such user' },
    async handle({ params }) {
      const user = await store.users.get(params.user_id ?? '');
      return user ? json(user) : notFound();
    },
  });
}

function createUser(deps: ApiDeps): Route {
  const { store } = deps;
  return route({
    method: 'POST',
    path: '/api/users',
    access: 'administrator',
    right: common('users of the server'),
    tag: TAG,
    audit: 'user',
    summary: 'Create a user',
    description: 'The user must choose a new password at the first sign-in, unless `force_reset` is false.',
    body: NewUserBody,
    answers: {
      201: 'The user',
      400: 'Name reserved or taken, or password too short or too long',
    },
    async handle({ context, body: { user_id: id, password, force_reset: forceReset } }) {
      const refused = await refuseNewUser(deps, id, password);
      if (refused) return refused;
      if (await store.users.get(id)) return badRequest('User already exists');
      const passwordHash = await hashPassword(password, peerNetwork(context));
      const user = await store.users.insert({ id, passwordHash, administrator: false, forceReset });
      return user ? answerCreated(user) : badRequest('User already exists');
    },
  });
}

function changeUser(deps: ApiDeps): Route {
  return route({
    method: 'PATCH',
    path: '/api/users/:user_id',
    access: 'administrator',
    right: common('users of the server'),
    tag: TAG,
    audit: 'user',
    summary: 'Change a user',
    description:
      'Changes what is given. `groups` is the whole new list. An empty `primary_group` means none. A new password or `force_reset` ' +
      "ends the user's sessions at once.",
    body: UserBody,
    answers: {
      200: 'The changed user',
      400: 'Password refused, unknown groups, or own administrator flag',
      404: 'No such user',
      409: 'The primary group is not among the groups of the user, or nobody else is an administrator',
    },
    handle: (request) => applyChanges(deps, request),
  });
}

function removeUser({ store }: ApiDeps): Route {
  return route({
    method: 'DELETE',
    path: '/api/users/:user_id',
    access: 'administrator',
    right: common('users of the server'),
    tag: TAG,
    audit: 'user',
    summary: 'Remove a user',
    description:
      'Removes the user with sessions, API keys and memberships in references. What the user has made stays.',
    answers: {
      204: 'Removed',
      400: 'Own account',
      404: 'No such user',
      409: 'Nobody else is an administrator',
    },
    async handle({ caller, params }) {
      const userId = params.user_id ?? '';
      if (userId === caller.userId) return badRequest('Cannot remove own account');
      const outcome = await store.users.remove(userId);
      if (outcome === 'last_administrator') return lastAdministrator();
      return outcome === 'removed' ? noContent() : notFound();
    },
  });
}

async function applyChanges(
  deps: ApiDeps,
  { context, caller, params, body }: RouteRequest<v.InferOutput<typeof UserBody>, Caller>,
): Promise<RouteResult> {
  const { store } = deps;
  const userId = params.user_id ?? '';
  const { administrator, force_reset, password } = body;
  const groups = body.groups && [...new Set(body.groups)];
  const primaryGroup = body.primary_group === 'none' ? '' : body.primary_group;

  if (password !== undefined) {
    const refused = await refuseNewPassword(deps, password);
    if (refused) return refused;
  }
  const missing = groups ? await store.groups.missing(groups) : [];
  if (missing.length > 0) return badRequest(`Groups do not exist: ${missing.join(', ')}`);
  if (primaryGroup && !(await store.groups.get(primaryGroup))) return badRequest('Primary group does not exist');
  if (administrator !== undefined && userId === caller.userId) {
    return badRequest('Users cannot modify their own administrative status');
  }
  const user = await store.users.get(userId);
  if (!user) return notFound('User does not exist');
  if (primaryGroup && !(groups ?? user.groups).includes(primaryGroup)) return conflict('User is not member of group');

  const passwordHash = password === undefined ? undefined : await hashPassword(password, peerNetwork(context));
  const changes = { administrator, force_reset, groups, primary_group: primaryGroup, passwordHash };
  const changed = await store.users.update(userId, changes);
  if (!changed) return notFound('User does not exist');
  if (changed === 'last_administrator') return lastAdministrator();
  if (endsSessions(changes)) {
    await store.sessions.closeAllOf(userId, userId === caller.userId ? caller.sessionId : undefined);
  }
  return json(changed);
}

async function refuseNewUser(deps: ApiDeps, userId: string, password: string): Promise<Refusal | undefined> {
  if (userId === RESERVED) return badRequest(`Reserved user name: ${RESERVED}`);
  return refuseNewPassword(deps, password);
}

async function refuseNewPassword({ store }: ApiDeps, password: string): Promise<Refusal | undefined> {
  return refusePassword(password, (await store.settings.get()).minimum_password_length);
}

function lastAdministrator(): Refusal {
  return conflict('There must be an administrator: make another user one first');
}

function hasFirstUser(): Refusal {
  return conflict('Virtool already has at least one user');
}

function answerCreated(user: UserItem): Response {
  return created(user, path`/api/users/${user.id}`);
}
