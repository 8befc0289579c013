import { mapPage } from '../../store/database/pages.js';
import type { ApiDeps } from '../deps.js';
import { withId } from '../http/json.js';
import { firstOf, pageRequest, type RawQuery } from '../http/paging.js';
import { json, type Route, route } from '../http/route.js';
import { inReadableReferences, onChange, onReference } from '../rights/references.js';

const PAGE_QUERY = { page: 'Page, from 1', per_page: 'Changes per page, 1 to 500' };

/** History: the changes of OTUs. */
export function createHistoryRoutes({ store }: ApiDeps): Route[] {
  return [
    route({
      method: 'GET',
      path: '/api/history',
      access: 'user',
      right: inReadableReferences(store),
      tag: 'History',
      summary: 'List changes',
      description: 'The changes of the OTUs of all references without their diffs, highest versions first.',
      query: PAGE_QUERY,
      answers: { 200: 'One page of changes' },
      handle: async ({ query, subject: scope }) =>
        json(mapPage(await store.history.list({ scope }, pageRequest(query)), withId)),
    }),
    route({
      method: 'GET',
      path: '/api/history/:change_id',
      access: 'user',
      right: onChange(store),
      tag: 'History',
      summary: 'Get a change',
      description: 'A change with its diff. Its id is that of the OTU and the new version, joined by a dot.',
      answers: { 200: 'The change', 404: 'No such change' },
      handle: async ({ subject: change }) => json(withId(change)),
    }),
    route({
      method: 'GET',
      path: '/api/refs/:ref_id/history',
      access: 'user',
      right: onReference(store, 'read'),
      tag: 'History',
      summary: 'List the changes of a reference',
      description: 'The changes of its OTUs without their diffs, highest versions first.',
      query: { unbuilt: '`true` for changes that no index holds, `false` for the others', ...PAGE_QUERY },
      answers: { 200: 'One page of changes', 404: 'No such reference' },
      async handle({ query, subject: reference }) {
        const wanted = { scope: [reference._id], unbuilt: isUnbuilt(query) };
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
