import type { ReleaseAnswer } from '../../contracts/releases.js';
import { processStart } from '../../contracts/workflow_starts.js';
import type { ReferenceDocument } from '../../store/references/references.js';
import { remoteTroubleText, type UpdateRefusal } from '../../store/references/remote_references.js';
import type { ApiDeps } from '../deps.js';
import { badGateway, badRequest, conflict, notFound, type Refusal } from '../http/refusals.js';
import { remoteRefusal } from '../http/remote.js';
import { json, type Route, type RouteResult, route } from '../http/route.js';
import { onReference } from '../rights/references.js';

const TAG = 'Remote references';

/** Releases of remote references: look for a new one, install it, list what was installed. */
export function createRemoteRoutes(deps: ApiDeps): Route[] {
  return [...readRoutes(deps), updateRoute(deps)];
}

function readRoutes(deps: ApiDeps): Route[] {
  const { store } = deps;
  return [
    route({
      method: 'GET',
      path: '/api/refs/:ref_id/release',
      access: 'user',
      right: onReference(store, 'read'),
      tag: TAG,
      summary: 'Look for a new release',
      description:
        'Asks GitHub now, unless GitHub has said that it answers no more requests for a while. The answer is noted in the ' +
        'reference. `newer` tells whether the release is newer than what is installed.',
      answers: {
        200: 'The latest release',
        400: 'The reference is not a remote one',
        404: 'No such reference',
        500: 'The proxy does not let the server ask GitHub',
        502: 'GitHub does not answer, or knows no such repository or release',
      },
      handle: ({ subject: reference }) => lookForRelease(deps, reference),
    }),
    route({
      method: 'GET',
      path: '/api/refs/:ref_id/updates',
      access: 'user',
      right: onReference(store, 'read'),
      tag: TAG,
      summary: 'List installed releases',
      description:
        'What was installed in a remote reference, newest first; `sha256` is the checksum of the file. One with an `error` ' +
        'has failed. Empty for other references.',
      answers: { 200: 'The installations', 404: 'No such reference' },
      handle: async ({ subject: reference }) => json((reference.updates ?? []).toReversed()),
    }),
  ];
}

function updateRoute(deps: ApiDeps): Route {
  const { store } = deps;
  return route({
    method: 'POST',
    path: '/api/refs/:ref_id/updates',
    access: 'user',
    right: onReference(store, 'modify'),
    tag: TAG,
    summary: 'Install the latest release',
    description:
      'Needs the right `modify`. Starts the process `update_remote_reference` for the latest known release. It makes the ' +
      'reference a mirror of the release: what is new comes, what left goes, and the history tells of every change. When it ' +
      'fails, all its changes are taken back.',
    answers: {
      201: 'The new installation',
      400: 'No release is known',
      403: 'The right is missing',
      404: 'No such reference',
      409: 'A process is still filling the reference, or the release is not newer than what is installed',
    },
    async handle({ subject: reference, caller }) {
      const begun = await store.remoteReferences.beginUpdate(reference._id, caller.userId);
      if (!begun.ok) return refusalOfUpdate(begun.reason);
      const type = 'update_remote_reference';
      await deps.workflows.start(processStart({ _id: begun.process._id, type, userId: caller.userId }));
      return json(begun.update, 201);
    },
  });
}

function refusalOfUpdate(reason: UpdateRefusal): Refusal {
  switch (reason) {
    case 'unknown':
      return notFound();
    case 'no_release':
      return badRequest('Target release does not exist');
    case 'in_progress':
      return conflict('Reference is still being filled');
    case 'not_newer':
      return conflict('The latest release is installed already');
  }
}

async function lookForRelease(
  { store, remote }: ApiDeps,
  { _id, remotes_from: source, release }: ReferenceDocument,
): Promise<RouteResult> {
  if (!source) return badRequest('Not a remote reference');
  if (source.retry_at && source.retry_at.getTime() > Date.now()) {
    return refusalOfAnswer({ ok: false, trouble: { reason: 'rate_limited', until: source.retry_at } });
  }
  const answer = await remote.releases.find(source.slug, { etag: release?.etag });
  const known = await store.remoteReferences.noteAnswer(_id, answer);
  if (!answer.ok) return refusalOfAnswer(answer);
  return known ? json(known) : badGateway('Release repository does not exist on GitHub');
}

function refusalOfAnswer({ trouble }: ReleaseAnswer & { ok: false }): Refusal {
  const isUnknown = trouble.reason === 'not_found';
  return remoteRefusal(trouble, isUnknown ? 'Release repository does not exist on GitHub' : remoteTroubleText(trouble));
}
