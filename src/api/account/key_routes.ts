import type { ApiDeps } from '../deps.js';
import { notFound, requiresAuthorization } from '../http/refusals.js';
import { ofAccount } from '../http/right.js';
import { created, json, noContent, path, type Route, route } from '../http/route.js';
import { limitPermissions } from './authentication.js';
import { KeyBody, NewKeyBody } from './schemas.js';

const TAG = 'API keys';
const HOW_TO_USE =
  'A key works as the password of Basic authentication with the user id as name, while the setting `enable_api` is on.';

/** Routes of a user's own API keys. */
export function createKeyRoutes({ store }: ApiDeps): Route[] {
  return [
    route({
      method: 'GET',
      path: '/api/account/keys',
      access: 'user',
      right: ofAccount,
      tag: TAG,
      summary: 'List the own API keys',
      description: `All keys of the caller, oldest first, without their secrets. ${HOW_TO_USE}`,
      answers: { 200: 'List of keys' },
      handle: async ({ caller }) => json(await store.keys.list(caller.userId)),
    }),
    route({
      method: 'GET',
      path: '/api/account/keys/:key_id',
      access: 'user',
      right: ofAccount,
      tag: TAG,
      summary: 'Show an API key',
      description: 'One key of the caller, without its secret.',
      answers: { 200: 'The key', 404: 'The caller has no such key' },
      async handle({ caller, params }) {
        const key = await store.keys.get(caller.userId, params.key_id ?? '');
        return key ? json(key) : notFound();
      },
    }),
    route({
      method: 'POST',
      path: '/api/account/keys',
      access: 'session',
      right: ofAccount,
      tag: TAG,
      audit: 'key',
      summary: 'Make an API key',
      description:
        `The secret \`key\` is shown in this answer only. A key never has a permission that its owner lacks, and never passes as ` +
        `administrator. ${HOW_TO_USE}`,
      body: NewKeyBody,
      answers: { 201: 'The key with its secret' },
      async handle({ caller, body }) {
        const owner = await store.users.rights(caller.userId);
        if (!owner) return requiresAuthorization();
        const permissions = limitPermissions(body.permissions, owner);
        const key = await store.keys.insert({ id: caller.userId, groups: owner.groups }, body.name, permissions);
        return created(key, path`/api/account/keys/${key.id}`);
      },
    }),
    route({
      method: 'PATCH',
      path: '/api/account/keys/:key_id',
      access: 'session',
      right: ofAccount,
      tag: TAG,
      audit: 'key',
      summary: "Change an API key's permissions",
      description: 'Changes the permissions that are given, as far as the owner has them.',
      body: KeyBody,
      answers: {
        200: 'The changed key',
        404: 'The caller has no such key',
      },
      async handle({ caller, params, body }) {
        const keyId = params.key_id ?? '';
        const [key, owner] = await Promise.all([
          store.keys.get(caller.userId, keyId),
          store.users.rights(caller.userId),
        ]);
        if (!key || !owner) return notFound();
        const merged = { ...key.permissions, ...body.permissions };
        const changed = await store.keys.setPermissions(caller.userId, keyId, limitPermissions(merged, owner));
        return changed ? json(changed) : notFound();
      },
    }),
    route({
      method: 'DELETE',
      path: '/api/account/keys/:key_id',
      access: 'session',
      right: ofAccount,
      tag: TAG,
      audit: 'key',
      summary: 'Remove an API key',
      description: 'The key stops working at once.',
      answers: { 204: 'Removed', 404: 'The caller has no such key' },
      async handle({ caller, params }) {
        return (await store.keys.remove(caller.userId, params.key_id ?? '')) ? noContent() : notFound();
      },
    }),
    route({
      method: 'DELETE',
      path: '/api/account/keys',
      access: 'session',
      right: ofAccount,
      tag: TAG,
      audit: 'key',
      summary: 'Remove all own API keys',
      description: 'All keys of the caller stop working at once.',
      answers: { 204: 'Removed' },
      async handle({ caller }) {
        await store.keys.removeAll(caller.userId);
        return noContent();
      },
    }),
  ];
}
