import { jobStart } from '../../contracts/workflow_starts.js';
import { mapPage } from '../../store/database/pages.js';
import type { Store } from '../../store/index.js';
import type { BuildRefusal, IndexDocument } from '../../store/indexes/index_builds.js';
import { type Manifest, ManifestLost } from '../../store/indexes/index_contents.js';
import type { ReferenceDocument } from '../../store/references/references.js';
import type { ApiDeps } from '../deps.js';
import type { Caller } from '../http/caller.js';
import { withId } from '../http/json.js';
import { pageRequest, queryFlag, searchTerm } from '../http/paging.js';
import { badRequest, conflict, Refusal } from '../http/refusals.js';
import { created, json, path, type Route, type RouteResult, route } from '../http/route.js';
import { inReadableReferences, onIndex, onReference } from '../rights/references.js';

const PAGE_QUERY = { page: 'Page, from 1', per_page: 'Entries per page, 1 to 500' };

/** Indexes: states of a reference that analyses work with. */
export function createIndexRoutes(deps: ApiDeps): Route[] {
  return [...referenceIndexRoutes(deps), ...listRoutes(deps), ...indexRoutes(deps)];
}

function referenceIndexRoutes(deps: ApiDeps): Route[] {
  const { store } = deps;
  return [
    route({
      method: 'GET',
      path: '/api/refs/:ref_id/indexes',
      access: 'user',
      right: onReference(store, 'read'),
      tag: 'Indexes',
      summary: 'List the indexes of a reference',
      description:
        'Newest first, with the counts of their changes. The counts beside the page are those of the changes that no index ' +
        'holds yet.',
      query: PAGE_QUERY,
      answers: { 200: 'One page of indexes', 404: 'No such reference' },
      handle: async ({ query, subject: reference }) =>
        json(mapIndexes(await store.indexLists.list([reference._id], pageRequest(query)))),
    }),
    route({
      method: 'POST',
      path: '/api/refs/:ref_id/indexes',
      access: 'user',
      right: onReference(store, 'build'),
      tag: 'Indexes',
      summary: 'Build an index',
      description:
        'Needs the right `build`. Starts the job `build_index` for the OTUs as they are now. Refused while OTUs are not ' +
        'verified, nothing has changed since the last index, or another build or an import runs.',
      answers: {
        201: 'The new index, not ready',
        400: 'There are unverified OTUs, no unbuilt changes or no OTUs',
        403: 'The right is missing',
        404: 'No such reference',
        409: 'A build or an import of this reference is in progress',
      },
      handle: ({ subject: reference, caller }) => startBuild(deps, reference, caller),
    }),
  ];
}

async function startBuild(deps: ApiDeps, reference: ReferenceDocument, caller: Caller): Promise<RouteResult> {
  const { store, config } = deps;
  if (reference.process && (await store.processes.isRunning(reference.process.id))) {
    return conflict('The reference is still being filled');
  }
  const outcome = await store.indexBuilds.create({
    referenceId: reference._id,
    userId: caller.userId,
    cost: { proc: config.sm_proc, mem: config.sm_mem },
  });
  if (!outcome.ok) return refusalOf(outcome.reason);
  await deps.workflows.start(jobStart(outcome.job));
  return created({ ...withId(outcome.index), manifest: outcome.manifest }, path`/api/indexes/${outcome.index._id}`);
}

function refusalOf(reason: BuildRefusal): Refusal {
  if (reason === 'in_progress') return conflict('Index build already in progress');
  if (reason === 'unverified') return badRequest('There are unverified OTUs');
  if (reason === 'no_changes') return badRequest('There are no unbuilt changes');
  return badRequest('There are no OTUs');
}

function listRoutes({ store }: ApiDeps): Route[] {
  return [
    route({
      method: 'GET',
      path: '/api/indexes',
      access: 'user',
      right: inReadableReferences(store),
      tag: 'Indexes',
      summary: 'List the indexes of all references',
      description:
        'One page, highest versions first; with `ready=true` instead the newest finished index of each reference as a bare list.',
      query: { ready: '`true` for the newest finished index of each reference', ...PAGE_QUERY },
      answers: { 200: 'One page of indexes, or the list' },
      async handle({ query, subject: scope }) {
        if (queryFlag(query, 'ready')) return json(await store.indexLists.newestReady(scope));
        return json(mapIndexes(await store.indexLists.list(scope, pageRequest(query))));
      },
    }),
  ];
}

function indexRoutes({ store }: ApiDeps): Route[] {
  return [
    route({
      method: 'GET',
      path: '/api/indexes/:index_id',
      access: 'user',
      right: onIndex(store),
      tag: 'Indexes',
      summary: 'Get an index',
      description:
        'The index with its manifest (OTU id to version), the OTUs whose changes it took in, and who made them.',
      answers: { 200: 'The index', 404: 'No such index', 409: 'The file with its manifest is missing' },
      async handle({ subject: index }) {
        const manifest = await findManifest(store, index);
        if (manifest instanceof Refusal) return manifest;
        const [contributors, otus] = await Promise.all([
          store.history.contributors({ indexId: index._id }),
          store.indexLists.changedOtus(index._id),
        ]);
        const { sequence_otu_map: _, ...shown } = index;
        const changeCount = otus.reduce((sum, otu) => sum + otu.change_count, 0);
        return json({ ...withId(shown), manifest, contributors, otus, change_count: changeCount });
      },
    }),
    route({
      method: 'GET',
      path: '/api/indexes/:index_id/history',
      access: 'user',
      right: onIndex(store),
      tag: 'Indexes',
      summary: 'List the changes in an index',
      description: 'The changes that it took in without their diffs, by OTU name, highest versions first.',
      query: { term: 'Text to look for in OTU names and user ids', ...PAGE_QUERY },
      answers: { 200: 'One page of changes', 404: 'No such index' },
      async handle({ query, subject: index }) {
        const page = await store.history.ofIndex(index._id, searchTerm(query, 'term'), pageRequest(query));
        return json(mapPage(page, withId));
      },
    }),
  ];
}

async function findManifest(store: Store, index: IndexDocument): Promise<Manifest | Refusal> {
  try {
    return await store.indexBuilds.manifestOf(index);
  } catch (error) {
    if (error instanceof ManifestLost) return conflict(error.message);
    throw error;
  }
}

function mapIndexes<T extends { _id: string }, P extends { documents: T[] }>(page: P) {
  return { ...page, documents: page.documents.map(withId) };
}
