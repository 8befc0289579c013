import { mapPage } from '../../store/database/pages.js';
import type { ApiDeps } from '../deps.js';
import { withId } from '../http/json.js';
import { firstOf, pageRequest, type RawQuery } from '../http/paging.js';
import { notFound } from '../http/refusals.js';
import { json, type Route, route } from '../http/route.js';

const PAGE_QUERY = { page: 'Page, from 1', per_page: 'Changes per page, 1 to 500' };

/** History: the changes of OTUs. */
export function createHistoryRoutes({ store }: ApiDeps): Route[] {
  return [
    route({
      method: 'GET',
      path: '/api/history',
      access: 'user',
      tag: 'History',
      summary: 'List changes',
      description: 'The changes of the OTUs of all references without their diffs, highest versions first.',
      query: PAGE_QUERY,
      answers: { 200: 'One page of changes' },
      handle: async ({ query }) => json(mapPage(await store.history.list({}, pageRequest(query)), withId)),
    }),
    route({
      method: 'GET',
      path: '/api/history/:change_id',
      access: 'user',
      tag: 'History',
      summary: 'Get a change',
      description: 'A change with its diff. Its id is that of the OTU and the new version, joined by a dot.',
      answers: { 200: 'The change', 404: 'No such change' },
      async handle({ params }) {
        const change = await store.history.get(params.change_id ?? '');
        return change ? json(withId(change)) : notFound();
      },
    }),
    route({
      method: 'GET',
      path: '/api/refs/:ref_id/history',
      access: 'user',
      tag: 'History',
      summary: 'List the changes of a reference',
      description: 'The changes of its OTUs without their diffs, highest versions first.',
      query: { unbuilt: '`true` for changes that no index holds, `false` for the others', ...PAGE_QUERY },
      answers: { 200: 'One page of changes', 404: 'No such reference' },
      async handle({ params, query }) {
        const reference = await store.references.get(params.ref_id ?? '');
        if (!reference) return notFound();
        const wanted = { referenceId: reference._id, unbuilt: isUnbuilt(query) };
        return json(mapPage(await store.history.list(wanted, pageRequest(query)), withId));
      },
    }),
  ];
}

/** Any other value than the two stands for all changes. */
function isUnbuilt(query: RawQuery): boolean | undefined {
  const value = firstOf(query, 'unbuilt')?.toLowerCase();
  return value === 'true' || value === 'false' ? value === 'true' : undefined;
}
