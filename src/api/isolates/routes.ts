import {
  addIsolate,
  allowsSourceType,
  editIsolate,
  findIsolate,
  removeIsolate,
  setDefaultIsolate,
} from '../../store/otus/isolate_edits.js';
import type { EditOutcome } from '../../store/otus/otu_edits.js';
import type { ApiDeps } from '../deps.js';
import { given } from '../http/given.js';
import { badRequest, notFound, Refusal } from '../http/refusals.js';
import { created, json, noContent, path, type Route, type RouteResult, route } from '../http/route.js';
import { findEditableOtu, refusalOfEdit } from '../otus/editable.js';
import { toWireIsolate } from '../otus/wire.js';
import { AddIsolate, EditIsolate } from './schemas.js';

const TAG = 'Isolates';
const LIST = '/api/otus/:otu_id/isolates';
const ONE = `${LIST}/:isolate_id`;
const NEEDS = 'Needs the right `modify_otu`.';
const TYPE = 'The source type is not allowed in this reference, or the reference is remote';
const REMOTE = 'The reference is remote';
const ANSWERS = {
  403: 'The right is missing',
  404: 'No such OTU or isolate',
  409: 'The reference is still being filled, or others are editing the same OTU',
};

const sourceTypeRefused = () => badRequest('Source type is not allowed');

/** Isolates of OTUs. Each edit makes a new version of the OTU and an entry in its history. */
export function createIsolateRoutes(deps: ApiDeps): Route[] {
  return [...readRoutes(deps), ...fieldRoutes(deps), ...placeRoutes(deps)];
}

function readRoutes({ store }: ApiDeps): Route[] {
  return [
    route({
      method: 'GET',
      path: LIST,
      access: 'user',
      tag: TAG,
      summary: 'List the isolates of an OTU',
      description: 'All isolates with their sequences, in the order in which they were added.',
      answers: { 200: 'The isolates', 404: 'No such OTU' },
      async handle({ params }) {
        const otu = await store.otus.getJoined(params.otu_id ?? '');
        return otu ? json(otu.isolates.map(toWireIsolate)) : notFound();
      },
    }),
    route({
      method: 'GET',
      path: ONE,
      access: 'user',
      tag: TAG,
      summary: 'Get an isolate',
      description: 'The isolate with its sequences.',
      answers: { 200: 'The isolate', 404: 'No such OTU or isolate' },
      async handle({ params }) {
        const otu = await store.otus.getJoined(params.otu_id ?? '');
        const isolate = otu && findIsolate(otu, params.isolate_id ?? '');
        return isolate ? json(toWireIsolate(isolate)) : notFound();
      },
    }),
  ];
}

function fieldRoutes({ store }: ApiDeps): Route[] {
  return [
    route({
      method: 'POST',
      path: LIST,
      access: 'user',
      tag: TAG,
      summary: 'Add an isolate',
      description: `Adds an isolate without sequences; the first one becomes the default isolate in any case. Source types are stored in lower case. ${NEEDS}`,
      body: AddIsolate,
      answers: { 201: 'The new isolate', 400: TYPE, 422: 'The body is not valid', ...ANSWERS },
      async handle({ params, caller, body }) {
        const found = await findEditableOtu(store, params, caller);
        if (found instanceof Refusal) return found;
        if (!allowsSourceType(found.reference, body.source_type)) return sourceTypeRefused();
        const outcome = await store.otuEdits.change(found.otu._id, caller.userId, addIsolate(body));
        if (!outcome.ok) return refusalOfEdit(outcome.reason);
        const isolate = outcome.otu.isolates.at(-1);
        if (!isolate) return notFound();
        return created(toWireIsolate(isolate), path`/api/otus/${found.otu._id}/isolates/${isolate.id}`);
      },
    }),
    route({
      method: 'PATCH',
      path: ONE,
      access: 'user',
      tag: TAG,
      summary: 'Edit an isolate',
      description: `Changes source type or name; what is left out stays, and values that do not differ change nothing. ${NEEDS}`,
      body: EditIsolate,
      answers: { 200: 'The isolate', 400: TYPE, 422: 'The body is not valid', ...ANSWERS },
      async handle({ params, caller, body }) {
        const found = await findEditableOtu(store, params, caller);
        if (found instanceof Refusal) return found;
        const isolateId = params.isolate_id ?? '';
        if (body.source_type !== undefined && !allowsSourceType(found.reference, body.source_type)) {
          return sourceTypeRefused();
        }
        const change = editIsolate(isolateId, given(body));
        return isolateOf(await store.otuEdits.change(found.otu._id, caller.userId, change), isolateId);
      },
    }),
  ];
}

function placeRoutes({ store }: ApiDeps): Route[] {
  return [
    route({
      method: 'PUT',
      path: `${ONE}/default`,
      access: 'user',
      tag: TAG,
      summary: 'Make an isolate the default one',
      description: `The default isolate is the one whose sequences go into indexes. ${NEEDS}`,
      answers: { 200: 'The isolate', 400: REMOTE, ...ANSWERS },
      async handle({ params, caller }) {
        const found = await findEditableOtu(store, params, caller);
        if (found instanceof Refusal) return found;
        const isolateId = params.isolate_id ?? '';
        const change = setDefaultIsolate(isolateId);
        return isolateOf(await store.otuEdits.change(found.otu._id, caller.userId, change), isolateId);
      },
    }),
    route({
      method: 'DELETE',
      path: ONE,
      access: 'user',
      tag: TAG,
      summary: 'Remove an isolate',
      description: `Removes an isolate with its sequences. When it was the default one, the first that is left takes over. ${NEEDS}`,
      answers: { 204: 'Removed', 400: REMOTE, ...ANSWERS },
      async handle({ params, caller }) {
        const found = await findEditableOtu(store, params, caller);
        if (found instanceof Refusal) return found;
        const change = removeIsolate(params.isolate_id ?? '');
        const outcome = await store.otuEdits.change(found.otu._id, caller.userId, change);
        return outcome.ok ? noContent() : refusalOfEdit(outcome.reason);
      },
    }),
  ];
}

function isolateOf(outcome: EditOutcome, isolateId: string): RouteResult {
  if (!outcome.ok) return refusalOfEdit(outcome.reason);
  const isolate = findIsolate(outcome.otu, isolateId);
  return isolate ? json(toWireIsolate(isolate)) : notFound();
}
