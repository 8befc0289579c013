import type { ApiDeps } from '../deps.js';
import { conflict } from '../http/refusals.js';
import { remoteRefusal } from '../http/remote.js';
import { common } from '../http/right.js';
import { json, type Route, route } from '../http/route.js';

const TAG = 'Software';

/** Routes of the server's own releases. The server never updates itself. */
export function createSoftwareRoutes({ store, remote, version }: ApiDeps): Route[] {
  return [
    route({
      method: 'GET',
      path: '/api/software',
      access: 'user',
      right: common('releases of the server'),
      tag: TAG,
      summary: 'Show version and newer releases',
      description: 'The running version and the newer releases that were known at the last refresh.',
      answers: { 200: 'Version and releases' },
      handle: async () => json({ id: 'software', ...(await store.status.software()), version }),
    }),
    route({
      method: 'GET',
      path: '/api/software/releases',
      access: 'user',
      right: common('releases of the server'),
      tag: TAG,
      summary: 'Look for newer releases',
      description:
        'Asks for the releases now. Those of the chosen channel that are newer than this server, newest first.',
      answers: {
        200: 'List of releases',
        500: 'The proxy does not let the server ask for the list',
        502: 'The list of releases cannot be reached',
      },
      async handle() {
        const { software_channel: channel } = await store.settings.get();
        const answer = await store.status.refreshSoftware(channel, () => remote.releases.listSoftware());
        // Spelt like this by release 3.7.3.
        if (!answer.ok) return remoteRefusal(answer.trouble, 'Could not connection to www.virtool.ca');
        return json((await store.status.software()).releases);
      },
    }),
    route({
      method: 'GET',
      path: '/api/software/updates',
      access: 'user',
      right: common('releases of the server'),
      tag: TAG,
      summary: 'List installed updates',
      description: 'Always empty: updates are installed by the deployment, not by the server.',
      answers: { 200: 'Empty list' },
      handle: async () => json([]),
    }),
    route({
      method: 'POST',
      path: '/api/software/updates',
      access: 'administrator',
      right: common('releases of the server'),
      tag: TAG,
      summary: 'Refuse to install an update',
      description: 'Always refused: updates are installed by the deployment, not by the server.',
      answers: { 409: 'Always' },
      handle: async () => conflict('Updates are installed by the deployment'),
    }),
  ];
}
