import { mapPage } from '../../store/database/pages.js';
import type { ReferenceScope } from '../../store/references/reference_rights.js';
import type { ApiDeps } from '../deps.js';
import { withId } from '../http/json.js';
import { isPaged, pageRequest, queryFlag, type RawQuery, searchTerm } from '../http/paging.js';
import { notFound } from '../http/refusals.js';
import { json, jsonList, type Route, type RouteResult, route } from '../http/route.js';
import { inReadableReferences, onOtu, onReference } from '../rights/references.js';
import { toWireOtu } from './wire.js';

const LIST_QUERY = {
  find: 'Text to look for in names and abbreviations',
  verified: '`true` for verified OTUs, anything else for the others; all when it is absent',
  names: '`true` for the bare ids and names of all OTUs',
  page: 'Page, from 1',
  per_page: 'OTUs per page, 1 to 500',
};

/** OTUs: viruses with their isolates and sequences. */
export function createOtuRoutes(deps: ApiDeps): Route[] {
  return [...listRoutes(deps), ...otuRoutes(deps)];
}

function listRoutes(deps: ApiDeps): Route[] {
  return [
    route({
      method: 'GET',
      path: '/api/otus',
      access: 'user',
      right: inReadableReferences(deps.store),
      tag: 'OTUs',
      summary: 'List the OTUs of all references',
      description: 'Sorted by name, with the number of OTUs that have unbuilt changes.',
      query: LIST_QUERY,
      answers: { 200: 'One page of OTUs, or all names' },
      handle: ({ query, subject: scope }) => listOtus(deps, scope, query),
    }),
    route({
      method: 'GET',
      path: '/api/refs/:ref_id/otus',
      access: 'user',
      right: onReference(deps.store, 'read'),
      tag: 'OTUs',
      summary: 'List the OTUs of a reference',
      description: 'Sorted by name, with the number of OTUs that have unbuilt changes.',
      query: LIST_QUERY,
      answers: { 200: 'One page of OTUs, or all names', 404: 'No such reference' },
      handle: ({ query, subject: reference }) => listOtus(deps, [reference._id], query),
    }),
  ];
}

async function listOtus({ store }: ApiDeps, scope: ReferenceScope, query: RawQuery): Promise<RouteResult> {
  if (queryFlag(query, 'names')) return json((await store.otus.names(scope)).map(withId));
  const verified = queryFlag(query, 'verified');
  const wanted = { scope, find: searchTerm(query), verified };
  const [page, unbuilt] = await Promise.all([
    store.otus.list(wanted, pageRequest(query)),
    store.history.countUnbuilt(scope),
  ]);
  return json({ ...mapPage(page, withId), modified_count: unbuilt.otus });
}

function otuRoutes({ store }: ApiDeps): Route[] {
  return [
    route({
      method: 'GET',
      path: '/api/otus/:otu_id',
      access: 'user',
      right: onOtu(store),
      tag: 'OTUs',
      summary: 'Get an OTU',
      description:
        'The OTU with its isolates and their sequences, its newest unbuilt change, and in `issues` what keeps it from being ' +
        'verified.',
      answers: { 200: 'The OTU', 404: 'No such OTU' },
      async handle({ subject: { _id: otuId } }) {
        const [otu, change] = await Promise.all([store.otus.getJoined(otuId), store.history.newestUnbuilt(otuId)]);
        return otu ? json(toWireOtu(otu, change)) : notFound();
      },
    }),
    route({
      method: 'GET',
      path: '/api/otus/:otu_id/history',
      access: 'user',
      right: onOtu(store),
      tag: 'OTUs',
      summary: 'List the changes of an OTU',
      description:
        'Oldest first. Without `page` and `per_page` all changes with their diffs in a bare list, as they are stored: the id is ' +
        'in `_id`. With one of them a page in the form of other lists: without diffs, the id in `id`.',
      query: { page: 'Page, from 1', per_page: 'Changes per page, 1 to 500' },
      answers: { 200: 'The changes, or one page of them', 404: 'No such OTU' },
      async handle({ query, subject: otu, log }) {
        if (!isPaged(query)) return jsonList(store.history.ofOtu(otu._id), log);
        return json(mapPage(await store.history.listOfOtu(otu._id, pageRequest(query)), withId));
      },
    }),
  ];
}
