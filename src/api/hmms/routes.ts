import { processWorkflowId } from '../../contracts/processes.js';
import { releaseTroubleText } from '../../contracts/releases.js';
import { housekeepingStart, processStart } from '../../contracts/workflow_starts.js';
import { removePath } from '../../files/publish.js';
import { randomId } from '../../store/database/ids.js';
import { mapPage } from '../../store/database/pages.js';
import type { ApiDeps } from '../deps.js';
import { withId } from '../http/json.js';
import { pageRequest, searchTerm } from '../http/paging.js';
import { badRequest, conflict, notFound } from '../http/refusals.js';
import { remoteRefusal } from '../http/remote.js';
import { common } from '../http/right.js';
import { json, noContent, type Route, type RouteResult, route } from '../http/route.js';
import { toWireHmm, toWireStatus } from './wire.js';

const TAG = 'HMMs';

/** Profile HMMs of viral proteins, with which NuVs looks for motifs, and their installation. */
export function createHmmRoutes(deps: ApiDeps): Route[] {
  const { store } = deps;
  // The paths of the status come first, as an id could be `status`.
  return [
    ...statusRoutes(deps),
    route({
      method: 'GET',
      path: '/api/hmms',
      access: 'user',
      right: common('HMM data are for the whole laboratory'),
      tag: TAG,
      summary: 'List HMMs',
      description: 'The HMMs of the current installation by cluster, with its status.',
      query: {
        find: 'Text to look for in the names of the proteins',
        page: 'Page, from 1',
        per_page: 'HMMs per page, 1 to 500',
      },
      answers: { 200: 'One page of HMMs, and the status' },
      async handle({ query }) {
        const page = await store.hmms.list(searchTerm(query), pageRequest(query));
        return json({ ...mapPage(page, withId), status: await statusOf(deps) });
      },
    }),
    route({
      method: 'DELETE',
      path: '/api/hmms',
      access: { permission: 'modify_hmm' },
      right: common('HMM data are for the whole laboratory'),
      tag: TAG,
      summary: 'Remove all HMMs',
      description:
        'Forgets the installed HMM data at once, and ends an installation in progress. HMMs that results name stay readable ' +
        'by their id. Their files go once no search needs them any more.',
      answers: { 204: 'No HMM is listed any more' },
      async handle() {
        const { stopped } = await store.hmmStatus.purge();
        if (stopped !== undefined) await deps.workflows.cancel(processWorkflowId(stopped));
        await removePath(deps.files.hmmProfiles);
        await deps.workflows.start(housekeepingStart('sweep_hmms', randomId()));
        await deps.workflows.start(housekeepingStart('refresh_hmms', randomId()));
        return noContent();
      },
    }),
    route({
      method: 'GET',
      path: '/api/hmms/:hmm_id',
      access: 'user',
      right: common('HMM data are for the whole laboratory'),
      tag: TAG,
      summary: 'Get an HMM',
      description: 'All that is known of an HMM, also of one that was replaced or removed but is named by results.',
      answers: { 200: 'The HMM', 404: 'No such HMM' },
      async handle({ params }) {
        const hmm = await store.hmms.get(params.hmm_id ?? '');
        return hmm ? json(toWireHmm(hmm)) : notFound();
      },
    }),
  ];
}

function statusRoutes(deps: ApiDeps): Route[] {
  const { store } = deps;
  return [
    route({
      method: 'GET',
      path: '/api/hmms/status',
      access: 'user',
      right: common('HMM data are for the whole laboratory'),
      tag: TAG,
      summary: 'Show what is installed',
      description:
        'The installed HMM data, the process that installs or has installed them, and the latest known release.',
      answers: { 200: 'The status' },
      handle: async () => json(await statusOf(deps)),
    }),
    route({
      method: 'GET',
      path: '/api/hmms/status/release',
      access: 'user',
      right: common('HMM data are for the whole laboratory'),
      tag: TAG,
      summary: 'Look for a new release',
      description: 'Asks the release service now. The answer is noted in the status.',
      answers: {
        200: 'The latest release',
        404: 'There is no release',
        500: 'The proxy does not let the server ask the release service',
        502: 'The release service does not answer, or knows no such repository',
      },
      handle: () => lookForRelease(deps),
    }),
    route({
      method: 'GET',
      path: '/api/hmms/status/updates',
      access: 'user',
      right: common('HMM data are for the whole laboratory'),
      tag: TAG,
      summary: 'List installations',
      description: 'The installations since the last removal, newest first. One with an `error` has failed.',
      answers: { 200: 'The installations' },
      handle: async () => json((await store.hmmStatus.get()).updates.toReversed()),
    }),
    route({
      method: 'POST',
      path: '/api/hmms/status/updates',
      access: { permission: 'modify_hmm' },
      right: common('HMM data are for the whole laboratory'),
      tag: TAG,
      summary: 'Install the latest release',
      description:
        'Starts the process `install_hmms` for the latest known release. It replaces what is installed when all of it is ' +
        'there; when it fails, what is installed stays.',
      answers: {
        200: 'The new installation',
        400: 'No release is known',
        409: 'An installation is in progress',
      },
      async handle({ caller }) {
        const begun = await store.hmmStatus.beginInstall(caller.userId);
        if (begun === 'in_progress') return conflict('Install already in progress');
        if (begun === 'no_release') return badRequest('Target release does not exist');
        const { process, update } = begun;
        await deps.workflows.start(processStart({ _id: process._id, type: 'install_hmms', userId: caller.userId }));
        return json(update);
      },
    }),
  ];
}

async function statusOf({ store }: ApiDeps): Promise<Record<string, unknown>> {
  const status = await store.hmmStatus.get();
  return toWireStatus(status, await store.hmmStatus.isInstalling(status));
}

async function lookForRelease({ store, remote }: ApiDeps): Promise<RouteResult> {
  const { hmm_slug: slug } = await store.settings.get();
  const found = await store.hmmStatus.refreshRelease((etag) => remote.releases.find(slug, { etag }));
  if (!found.answer.ok) return remoteRefusal(found.answer.trouble, releaseTroubleText(found.answer.trouble));
  return found.release ? json(found.release) : notFound('Release not found');
}
