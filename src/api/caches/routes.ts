import type { ApiDeps } from '../deps.js';
import { withId } from '../http/json.js';
import { json, type Route, route } from '../http/route.js';
import { onCache } from '../rights/samples.js';

/** Caches: trimmed reads of samples with their quality. */
export function createCacheRoutes({ store }: ApiDeps): Route[] {
  return [
    route({
      method: 'GET',
      path: '/api/caches/:cache_id',
      summary: 'Get a cache',
      description: 'Trimmed reads of a sample: parameters, files and quality. Needs the right to read the sample.',
      tag: 'Samples',
      access: 'user',
      right: onCache(store),
      answers: { 200: 'The cache', 403: 'The sample may not be read', 404: 'No such cache' },
      handle: async ({ subject: cache }) => json(withId(cache)),
    }),
  ];
}
