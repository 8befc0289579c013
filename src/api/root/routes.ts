import type { ApiDeps } from '../deps.js';
import { common } from '../http/right.js';
import { json, type Route, route } from '../http/route.js';
import { createResourceMeter } from './resources.js';

const ENDPOINTS = {
  account: '/api/account',
  analyses: '/api/analyses',
  genbank: '/api/genbank',
  groups: '/api/groups',
  hmm: '/api/hmms',
  history: '/api/history',
  indexes: '/api/indexes',
  jobs: '/api/jobs',
  otus: '/api/otus',
  processes: '/api/processes',
  references: '/api/refs',
  samples: '/api/samples',
  settings: '/api/settings',
  subtraction: '/api/subtractions',
  users: '/api/users',
};

/** Routes of the server itself: list of parts, load of the host. */
export function createRootRoutes({ version }: ApiDeps): Route[] {
  const measure = createResourceMeter();
  const endpoints = Object.fromEntries(
    Object.entries(ENDPOINTS).map(([name, url]) => [
      name,
      { url, doc: `https://www.virtool.ca/docs/api/${name}.html` },
    ]),
  );
  return [
    route({
      method: 'GET',
      path: '/api',
      access: 'user',
      right: common('the server itself'),
      tag: 'Server',
      summary: 'List the parts of the interface',
      description: 'Path of each part, and the version of the server.',
      answers: { 200: 'Parts and version' },
      handle: async () => json({ endpoints, version }),
    }),
    route({
      method: 'GET',
      path: '/api/resources',
      access: 'user',
      right: common('the server itself'),
      tag: 'Server',
      summary: 'Show the load of the host',
      description: 'Per core the percentage of time in use since the previous call, and memory in bytes.',
      answers: { 200: 'Processor and memory use' },
      handle: async () => json(measure()),
    }),
  ];
}
