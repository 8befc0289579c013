import * as v from 'valibot';
import type { ApiDeps } from '../deps.js';
import { somePermissions, withDefault } from '../http/fields.js';
import { name } from '../http/names.js';
import { badRequest, notFound } from '../http/refusals.js';
import { common } from '../http/right.js';
import { created, json, noContent, path, type Route, route } from '../http/route.js';

const TAG = 'Groups';
/** What samples without a group have in its place. */
const RESERVED = 'none';

/** A new group; its id is the name in lower case. */
const NewGroupBody = v.object({
  group_id: v.pipe(
    name(),
    v.transform((text) => text.toLowerCase()),
  ),
});

/** Changes of a group. */
const GroupBody = v.object({ permissions: withDefault(somePermissions(), {}) });

/** Routes of groups. */
export function createGroupRoutes({ store }: ApiDeps): Route[] {
  return [
    route({
      method: 'GET',
      path: '/api/groups',
      access: 'user',
      right: common('names and permissions of groups are known to all users'),
      tag: TAG,
      summary: 'List groups',
      description: 'All groups with their permissions.',
      answers: { 200: 'List of groups' },
      handle: async () => json(await store.groups.list()),
    }),
    route({
      method: 'GET',
      path: '/api/groups/:group_id',
      access: 'user',
      right: common('names and permissions of groups are known to all users'),
      tag: TAG,
      summary: 'Show a group',
      description: 'One group with its permissions.',
      answers: { 200: 'The group', 404: 'No such group' },
      async handle({ params }) {
        const group = await store.groups.get(params.group_id ?? '');
        return group ? json(group) : notFound();
      },
    }),
    route({
      method: 'POST',
      path: '/api/groups',
      access: 'administrator',
      right: common('names and permissions of groups are known to all users'),
      tag: TAG,
      audit: 'group',
      summary: 'Create a group',
      description: 'Makes a group without permissions. Its id is the name in lower case.',
      body: NewGroupBody,
      answers: {
        201: 'The group',
        400: 'Name taken or reserved',
      },
      async handle({ body }) {
        if (body.group_id === RESERVED) return badRequest(`Reserved group name: ${RESERVED}`);
        const group = await store.groups.insert(body.group_id);
        return group ? created(group, path`/api/groups/${group.id}`) : badRequest('Group already exists');
      },
    }),
    route({
      method: 'PATCH',
      path: '/api/groups/:group_id',
      access: 'administrator',
      right: common('names and permissions of groups are known to all users'),
      tag: TAG,
      audit: 'group',
      summary: "Change a group's permissions",
      description: 'Changes the permissions that are given. They hold for all members at once.',
      body: GroupBody,
      answers: {
        200: 'The changed group',
        404: 'No such group',
      },
      async handle({ params, body }) {
        const group = await store.groups.setPermissions(params.group_id ?? '', body.permissions);
        return group ? json(group) : notFound();
      },
    }),
    route({
      method: 'DELETE',
      path: '/api/groups/:group_id',
      access: 'administrator',
      right: common('names and permissions of groups are known to all users'),
      tag: TAG,
      audit: 'group',
      summary: 'Remove a group',
      description: 'Members lose what the group gave them. References and samples forget the group.',
      answers: { 204: 'Removed', 404: 'No such group' },
      async handle({ params }) {
        return (await store.groups.remove(params.group_id ?? '')) ? noContent() : notFound();
      },
    }),
  ];
}
