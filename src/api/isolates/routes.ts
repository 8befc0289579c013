import {
  addIsolate,
  allowsSourceType,
  editIsolate,
  findIsolate,
  removeIsolate,
  setDefaultIsolate,
} from '../../store/otus/isolate_edits.js';
import type { ChangeOtu } from '../../store/otus/otu_edits.js';
import type { JoinedOtu } from '../../store/otus/otus.js';
import type { ReferenceDocument } from '../../store/references/references.js';
import type { ApiDeps } from '../deps.js';
import { given } from '../http/given.js';
import { badRequest, notFound, Refusal } from '../http/refusals.js';
import { created, json, noContent, path, type Route, type RouteResult, route } from '../http/route.js';
import { changeOtu, EDIT_ANSWERS, NEEDS_RIGHT, type OtuPath } from '../otus/editable.js';
import { toWireIsolate } from '../otus/wire.js';
import { onOtu, onOtuToEdit } from '../rights/references.js';
import { AddIsolate, EditIsolate } from './schemas.js';

const TAG = 'Isolates';
const LIST = '/api/otus/:otu_id/isolates';
const ONE = `${LIST}/:isolate_id`;
const TYPE = 'The source type is not allowed in this reference, or the reference is remote';
const REMOTE = 'The reference is remote';
const ANSWERS = { ...EDIT_ANSWERS, 404: 'No such OTU or isolate' };

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
      right: onOtu(store),
      tag: TAG,
      summary: 'List the isolates of an OTU',
      description: 'All isolates with their sequences, in the order in which they were added.',
      answers: { 200: 'The isolates', 404: 'No such OTU' },
      async handle({ subject: { _id: otuId } }) {
        const otu = await store.otus.getJoined(otuId);
        return otu ? json(otu.isolates.map(toWireIsolate)) : notFound();
      },
    }),
    route({
      method: 'GET',
      path: ONE,
      access: 'user',
      right: onOtu(store),
      tag: TAG,
      summary: 'Get an isolate',
      description: 'The isolate with its sequences.',
      answers: { 200: 'The isolate', 404: 'No such OTU or isolate' },
      async handle({ params, subject: { _id: otuId } }) {
        const otu = await store.otus.getJoined(otuId);
        return otu ? answerIsolate(otu, params) : notFound();
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
      right: onOtuToEdit(store),
      tag: TAG,
      summary: 'Add an isolate',
      description: `Adds an isolate without sequences; the first one becomes the default isolate in any case. Source types are stored in lower case. ${NEEDS_RIGHT}`,
      body: AddIsolate,
      answers: { 201: 'The new isolate', 400: TYPE, 422: 'The body is not valid', ...ANSWERS },
      async handle({ subject, caller, body }) {
        const otu = await changeOtu(store, subject, caller, (reference) =>
          whenAllowed(reference, body.source_type, addIsolate(body)),
        );
        if (otu instanceof Refusal) return otu;
        const isolate = otu.isolates.at(-1);
        if (!isolate) return notFound();
        return created(toWireIsolate(isolate), path`/api/otus/${otu._id}/isolates/${isolate.id}`);
      },
    }),
    route({
      method: 'PATCH',
      path: ONE,
      access: 'user',
      right: onOtuToEdit(store),
      tag: TAG,
      summary: 'Edit an isolate',
      description: `Changes source type or name; what is left out stays, and values that do not differ change nothing. ${NEEDS_RIGHT}`,
      body: EditIsolate,
      answers: { 200: 'The isolate', 400: TYPE, 422: 'The body is not valid', ...ANSWERS },
      async handle({ params, subject, caller, body }) {
        const change = editIsolate(params.isolate_id ?? '', given(body));
        const otu = await changeOtu(store, subject, caller, (reference) =>
          whenAllowed(reference, body.source_type, change),
        );
        return answerIsolate(otu, params);
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
      right: onOtuToEdit(store),
      tag: TAG,
      summary: 'Make an isolate the default one',
      description: `The default isolate is the one whose sequences go into indexes. ${NEEDS_RIGHT}`,
      answers: { 200: 'The isolate', 400: REMOTE, ...ANSWERS },
      async handle({ params, subject, caller }) {
        const change = setDefaultIsolate(params.isolate_id ?? '');
        return answerIsolate(await changeOtu(store, subject, caller, () => change), params);
      },
    }),
    route({
      method: 'DELETE',
      path: ONE,
      access: 'user',
      right: onOtuToEdit(store),
      tag: TAG,
      summary: 'Remove an isolate',
      description: `Removes an isolate with its sequences. When it was the default one, the first that is left takes over. ${NEEDS_RIGHT}`,
      answers: { 204: 'Removed', 400: REMOTE, ...ANSWERS },
      async handle({ params, subject, caller }) {
        const change = removeIsolate(params.isolate_id ?? '');
        const otu = await changeOtu(store, subject, caller, () => change);
        return otu instanceof Refusal ? otu : noContent();
      },
    }),
  ];
}

function whenAllowed(reference: ReferenceDocument, sourceType: string | undefined, change: ChangeOtu) {
  const isAllowed = sourceType === undefined || allowsSourceType(reference, sourceType);
  return isAllowed ? change : badRequest('Source type is not allowed');
}

function answerIsolate(otu: JoinedOtu | Refusal, { isolate_id: isolateId = '' }: OtuPath): RouteResult {
  if (otu instanceof Refusal) return otu;
  const isolate = findIsolate(otu, isolateId);
  return isolate ? json(toWireIsolate(isolate)) : notFound();
}
