import type * as v from 'valibot';
import type { ApiDeps } from '../deps.js';
import type { Caller } from '../http/caller.js';
import { peerNetwork } from '../http/peer.js';
import { badRequest, type Refusal, requiresAuthorization } from '../http/refusals.js';
import { ofAccount } from '../http/right.js';
import { json, type Route, type RouteRequest, type RouteResult, route } from '../http/route.js';
import { createKeyRoutes } from './key_routes.js';
import { createLoginRoutes } from './login_routes.js';
import { checkPassword } from './password_check.js';
import { hashPassword, refusePassword } from './passwords.js';
import { AccountBody, AccountSettingsBody } from './schemas.js';

/** Routes of people for themselves: account, settings, API keys, login and logout. */
export function createAccountRoutes(deps: ApiDeps): Route[] {
  return [...createLoginRoutes(deps), ...accountRoutes(deps), ...settingsRoutes(deps), ...createKeyRoutes(deps)];
}

function accountRoutes(deps: ApiDeps): Route[] {
  return [
    route({
      method: 'GET',
      path: '/api/account',
      access: 'user',
      right: ofAccount,
      tag: 'Account',
      summary: 'Show the own account',
      description: 'Name, groups, permissions and settings of the caller.',
      answers: { 200: 'The account' },
      handle: ({ caller }) => answerAccount(deps, caller.userId),
    }),
    route({
      method: 'PATCH',
      path: '/api/account',
      access: 'session',
      right: ofAccount,
      tag: 'Account',
      audit: 'account',
      summary: 'Change e-mail address or password',
      description:
        'A new `password` needs `old_password`, and ends all other sessions of the user. A body that is not JSON changes nothing.',
      body: AccountBody,
      brokenJson: 'empty',
      answers: {
        200: 'The changed account',
        400: 'Password too short or too long, or old password wrong',
        429: 'Old password wrong too often; `Retry-After` tells how long to wait',
      },
      handle: (request) => changeAccount(deps, request),
    }),
  ];
}

async function changeAccount(
  deps: ApiDeps,
  { context, caller, body }: RouteRequest<v.InferOutput<typeof AccountBody>, Caller>,
): Promise<RouteResult> {
  const { store } = deps;
  const { email, password, old_password: oldPassword } = body;
  if (password !== undefined && oldPassword !== undefined) {
    const { minimum_password_length } = await store.settings.get();
    const refused = refusePassword(password, minimum_password_length);
    if (refused) return refused;
    const check = await checkPassword(deps, context, caller.userId, oldPassword);
    if ('refused' in check) return check.refused;
    if ('wrong' in check) return badRequest('Invalid credentials');
    await store.users.setOwnPassword(caller.userId, await hashPassword(password, peerNetwork(context)));
    await store.sessions.closeAllOf(caller.userId, caller.sessionId);
  }
  if (email !== undefined) await store.users.setEmail(caller.userId, email);
  return answerAccount(deps, caller.userId);
}

async function answerAccount({ store }: ApiDeps, userId: string): Promise<Response | Refusal> {
  const account = await store.users.account(userId);
  return account ? json(account) : requiresAuthorization();
}

function settingsRoutes({ store }: ApiDeps): Route[] {
  const answer = async (userId: string) => {
    const account = await store.users.account(userId);
    return account ? json(account.settings) : requiresAuthorization();
  };
  return [
    route({
      method: 'GET',
      path: '/api/account/settings',
      access: 'user',
      right: ofAccount,
      tag: 'Account',
      summary: 'Show the own settings',
      description: 'What the caller has chosen for the web client.',
      answers: { 200: 'The settings' },
      handle: ({ caller }) => answer(caller.userId),
    }),
    route({
      method: 'PATCH',
      path: '/api/account/settings',
      access: 'session',
      right: ofAccount,
      tag: 'Account',
      summary: 'Change the own settings',
      description: 'Changes the settings that are given and answers with all of them.',
      body: AccountSettingsBody,
      answers: { 200: 'All settings' },
      async handle({ caller, body }) {
        await store.users.setAccountSettings(caller.userId, body);
        return answer(caller.userId);
      },
    }),
  ];
}
