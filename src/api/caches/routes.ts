import { canRead } from '../../store/samples/sample_rights.js';
import type { ApiDeps } from '../deps.js';
import { withId } from '../http/json.js';
import { insufficientRights, notFound } from '../http/refusals.js';
import { json, type Route, route } from '../http/route.js';

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
      answers: { 200: 'The cache', 403: 'The sample may not be read', 404: 'No such cache' },
      async handle({ params, caller }) {
        const cache = await store.caches.get(params.cache_id ?? '');
        const sample = cache && (await store.samples.get(cache.sample.id));
        if (!sample) return notFound();
        return canRead(caller, sample) ? json(withId(cache)) : insufficientRights();
      },
    }),
  ];
}
