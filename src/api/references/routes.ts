import { mapPage } from '../../store/database/pages.js';
import type { ReferenceChanges, ReferenceDocument } from '../../store/references/references.js';
import type { ApiDeps } from '../deps.js';
import { withId } from '../http/json.js';
import { pageRequest, searchTerm } from '../http/paging.js';
import { badRequest, notFound } from '../http/refusals.js';
import { ofBody } from '../http/right.js';
import { json, type Route, type RouteResult, route } from '../http/route.js';
import { amongReadableReferences, onReference } from '../rights/references.js';
import { createReference } from './create.js';
import { createMemberRoutes } from './member_routes.js';
import { createRemoteRoutes } from './remote_routes.js';
import { removeReference } from './remove.js';
import { CreateReference, EditReference } from './schemas.js';
import { toWireReference } from './wire.js';

/** References: collections of virus sequences under version control, with their members. */
export function createReferenceRoutes(deps: ApiDeps): Route[] {
  return [
    ...collectionRoutes(deps),
    ...referenceRoutes(deps),
    ...createRemoteRoutes(deps),
    ...createMemberRoutes(deps),
  ];
}

function collectionRoutes(deps: ApiDeps): Route[] {
  const { store } = deps;
  return [
    route({
      method: 'GET',
      path: '/api/refs',
      access: 'user',
      right: amongReadableReferences,
      tag: 'References',
      summary: 'List references',
      description:
        'The references that the caller made or is a member of, also through a group, sorted by name. Administrators see all.',
      query: {
        find: 'Text to look for in names and data types',
        page: 'Page, from 1',
        per_page: 'References per page, 1 to 500',
      },
      answers: { 200: 'One page of references' },
      async handle({ query, subject: viewer }) {
        const page = await store.references.list(viewer, searchTerm(query), pageRequest(query));
        const summaries = await store.referenceSummaries.summaries(page.documents.map(({ _id }) => _id));
        return json(mapPage(page, (reference) => ({ ...withId(reference), ...summaries.get(reference._id) })));
      },
    }),
    route({
      method: 'POST',
      path: '/api/refs',
      access: { permission: 'create_ref' },
      right: ofBody('to read the reference `clone_from`'),
      tag: 'References',
      summary: 'Create a reference',
      description:
        'Makes a blank reference, or one that a process fills: from an uploaded file (`import_from`, a file id), from another ' +
        'reference (`clone_from`), or from a release on GitHub (`remote_from`, with the number of the release or `latest` in ' +
        '`release_id`), which it then follows. The process is in `process`; when its input is unusable the reference is ' +
        'removed and the process keeps the reasons in `errors`. The caller gets all rights.',
      body: CreateReference,
      answers: {
        201: 'The new reference',
        400: 'The source reference does not exist, or the file is no finished upload of a reference',
        403: 'The source reference may not be read',
        404: 'No such file',
        409: 'The source reference is still being filled',
        422: 'The body is not valid',
        500: 'The proxy does not let the server ask GitHub',
        502: 'GitHub does not answer, knows no such release, or the release has no file',
      },
      handle: ({ caller, body }) => createReference(deps, caller, body),
    }),
  ];
}

function referenceRoutes(deps: ApiDeps): Route[] {
  const { store } = deps;
  return [
    route({
      method: 'GET',
      path: '/api/refs/:ref_id',
      access: 'user',
      right: onReference(store, 'read'),
      tag: 'References',
      summary: 'Get a reference',
      description: 'The whole reference with members, counts, contributors and the newest finished index.',
      answers: { 200: 'The reference', 404: 'No such reference' },
      handle: async ({ subject: reference }) => json(await toWireReference(store, reference)),
    }),
    route({
      method: 'PATCH',
      path: '/api/refs/:ref_id',
      access: 'user',
      right: onReference(store, 'modify'),
      tag: 'References',
      summary: 'Edit a reference',
      description:
        'Needs the right `modify`. An empty `internal_control` removes the control. Analyses show a new name too.',
      body: EditReference,
      answers: {
        200: 'The changed reference',
        400: 'The internal control is no OTU of this reference',
        403: 'The right is missing',
        404: 'No such reference',
        422: 'The body is not valid',
      },
      handle: ({ subject: reference, body }) => editReference(deps, reference, body),
    }),
    route({
      method: 'DELETE',
      path: '/api/refs/:ref_id',
      access: 'user',
      right: onReference(store, 'remove'),
      tag: 'References',
      summary: 'Remove a reference',
      description:
        'Needs the right `remove`. The reference goes at once. A process removes its indexes, OTUs and history, but for the ' +
        'history of OTUs that analyses name; it waits until analyses that still run with this reference have ended.',
      answers: { 202: 'The process', 403: 'The right is missing', 404: 'No such reference' },
      handle: ({ caller, subject: reference }) => removeReference(deps, caller, reference),
    }),
  ];
}

async function editReference(
  { store }: ApiDeps,
  reference: ReferenceDocument,
  body: EditReference,
): Promise<RouteResult> {
  const { internal_control: control, ...rest } = body;
  const changes: ReferenceChanges = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined));
  if (control) {
    const otu = await store.otus.get(control);
    if (otu?.reference.id !== reference._id) return badRequest('Internal control is not an OTU of this reference');
  }
  if (control !== undefined) changes.internal_control = control ? { id: control } : null;
  const changed = await store.database.transaction(async (session) => {
    const after = await store.references.edit(reference._id, changes, session);
    if (after && after.name !== reference.name) {
      await store.analyses.renameReference(reference._id, after.name, session);
    }
    return after;
  });
  return changed ? json(await toWireReference(store, changed)) : notFound();
}
