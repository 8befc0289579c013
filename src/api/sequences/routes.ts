import { findIsolate } from '../../store/otus/isolate_edits.js';
import type { JoinedOtu } from '../../store/otus/otus.js';
import { addSequence, editSequence, removeSequence } from '../../store/otus/sequence_edits.js';
import type { ApiDeps } from '../deps.js';
import { given } from '../http/given.js';
import { withId } from '../http/json.js';
import { notFound, Refusal } from '../http/refusals.js';
import { created, json, noContent, path, type Route, type RouteResult, route } from '../http/route.js';
import { changeOtu, EDIT_ANSWERS, NEEDS_RIGHT, type OtuPath } from '../otus/editable.js';
import { onOtu, onOtuToEdit } from '../rights/references.js';
import { AddSequence, EditSequence } from './schemas.js';

const TAG = 'Sequences';
const LIST = '/api/otus/:otu_id/isolates/:isolate_id/sequences';
const ONE = `${LIST}/:sequence_id`;
const BASES =
  'Bases are IUPAC nucleotide codes; they are stored in upper case, with T for U (the history says so) and without white space.';
const ANSWERS = { ...EDIT_ANSWERS, 404: 'No such OTU, isolate or sequence' };

// The largest virus genomes have 2.5 million bases.
const BODY_LIMIT = 8 * 1024 ** 2;

/** Sequences of isolates. Each edit makes a new version of the OTU and an entry in its history. */
export function createSequenceRoutes(deps: ApiDeps): Route[] {
  return [...readRoutes(deps), ...editRoutes(deps)];
}

function readRoutes({ store }: ApiDeps): Route[] {
  return [
    route({
      method: 'GET',
      path: LIST,
      access: 'user',
      right: onOtu(store),
      tag: TAG,
      summary: 'List the sequences of an isolate',
      description: 'All sequences with their bases, in the order in which they were added.',
      answers: { 200: 'The sequences', 404: 'No such OTU or isolate' },
      async handle({ params, subject: { _id: otuId } }) {
        const otu = await store.otus.getJoined(otuId);
        const isolate = otu && findIsolate(otu, params.isolate_id ?? '');
        return isolate ? json(isolate.sequences.map(withId)) : notFound();
      },
    }),
    route({
      method: 'GET',
      path: ONE,
      access: 'user',
      right: onOtu(store),
      tag: TAG,
      summary: 'Get a sequence',
      description: 'The sequence with its bases.',
      answers: { 200: 'The sequence', 404: 'No such OTU, isolate or sequence' },
      async handle({ params, subject: { _id: otuId } }) {
        const otu = await store.otus.getJoined(otuId);
        return otu ? answerSequence(otu, params) : notFound();
      },
    }),
  ];
}

function editRoutes({ store }: ApiDeps): Route[] {
  return [
    route({
      method: 'POST',
      path: LIST,
      access: 'user',
      right: onOtuToEdit(store),
      tag: TAG,
      summary: 'Add a sequence',
      description: `Adds a sequence to an isolate. ${BASES} ${NEEDS_RIGHT}`,
      body: AddSequence,
      bodyLimit: BODY_LIMIT,
      answers: {
        201: 'The new sequence',
        400: 'The segment is not in the schema of the OTU, the OTU would become too large, or the reference is remote',
        413: 'The body is too large',
        422: 'The body is not valid',
        ...ANSWERS,
      },
      async handle({ params, subject, caller, body }) {
        const isolateId = params.isolate_id ?? '';
        const otu = await changeOtu(store, subject, caller, () => addSequence(isolateId, body));
        if (otu instanceof Refusal) return otu;
        const sequence = findIsolate(otu, isolateId)?.sequences.at(-1);
        if (!sequence) return notFound();
        const location = path`/api/otus/${otu._id}/isolates/${isolateId}/sequences/${sequence._id}`;
        return created(withId(sequence), location);
      },
    }),
    route({
      method: 'PATCH',
      path: ONE,
      access: 'user',
      right: onOtuToEdit(store),
      tag: TAG,
      summary: 'Edit a sequence',
      description: `What is left out stays, and values that do not differ change nothing. ${BASES} ${NEEDS_RIGHT}`,
      body: EditSequence,
      bodyLimit: BODY_LIMIT,
      answers: {
        ...ANSWERS,
        200: 'The sequence',
        400: 'The OTU would become too large, or the reference is remote',
        404: `${ANSWERS[404]}, or the segment is not in the schema of the OTU`,
        413: 'The body is too large',
        422: 'The body is not valid',
      },
      async handle({ params, subject, caller, body }) {
        const change = editSequence(params.isolate_id ?? '', params.sequence_id ?? '', given(body));
        // 404 here and 400 above: both are on the wire.
        const refusals = { unknown_segment: notFound('Segment does not exist') };
        return answerSequence(await changeOtu(store, subject, caller, () => change, refusals), params);
      },
    }),
    route({
      method: 'DELETE',
      path: ONE,
      access: 'user',
      right: onOtuToEdit(store),
      tag: TAG,
      summary: 'Remove a sequence',
      description: `Removes a sequence from its isolate. ${NEEDS_RIGHT}`,
      answers: { 204: 'Removed', 400: 'The reference is remote', ...ANSWERS },
      async handle({ params, subject, caller }) {
        const change = removeSequence(params.isolate_id ?? '', params.sequence_id ?? '');
        const otu = await changeOtu(store, subject, caller, () => change);
        return otu instanceof Refusal ? otu : noContent();
      },
    }),
  ];
}

function answerSequence(otu: JoinedOtu | Refusal, { isolate_id: isolateId = '', sequence_id }: OtuPath): RouteResult {
  if (otu instanceof Refusal) return otu;
  const sequence = findIsolate(otu, isolateId)?.sequences.find(({ _id }) => _id === sequence_id);
  return sequence ? json(withId(sequence)) : notFound();
}
