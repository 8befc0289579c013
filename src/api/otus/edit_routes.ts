import type { OtuFields } from '../../store/otus/otu_field_edits.js';
import { editOtu } from '../../store/otus/otu_field_edits.js';
import type { ApiDeps } from '../deps.js';
import { given } from '../http/given.js';
import { withId } from '../http/json.js';
import { Refusal } from '../http/refusals.js';
import { created, json, noContent, path, type Route, route } from '../http/route.js';
import { onOtuToEdit, onReference } from '../rights/references.js';
import { changeOtu, EDIT_ANSWERS, NEEDS_RIGHT, refusalOfEdit, refuseEdits } from './editable.js';
import { CreateOtu, EditOtu } from './schemas.js';
import { toWireOtu } from './wire.js';

const TAKEN = 'Name or abbreviation are taken in this reference, or the reference is remote';

/** Edits of OTUs: creation, their own fields, removal. Each makes an entry in their history. */
export function createOtuEditRoutes(deps: ApiDeps): Route[] {
  const { store } = deps;
  return [
    route({
      method: 'POST',
      path: '/api/refs/:ref_id/otus',
      access: 'user',
      right: onReference(store, 'modify_otu'),
      tag: 'OTUs',
      summary: 'Create an OTU',
      description: `An OTU without isolates, at version 0. Its name must be new in the reference whatever its case, its abbreviation too where it has one. ${NEEDS_RIGHT}`,
      body: CreateOtu,
      answers: {
        201: 'The new OTU',
        400: TAKEN,
        404: 'No such reference',
        422: 'The body is not valid',
        ...EDIT_ANSWERS,
      },
      async handle({ subject: reference, caller, body }) {
        const refusal = await refuseEdits(store, reference);
        if (refusal) return refusal;
        const outcome = await store.otuEdits.create({ referenceId: reference._id, ...body }, caller.userId);
        if (!outcome.ok) return refusalOfEdit(outcome.reason);
        const change = outcome.change ? withId(outcome.change) : null;
        return created(
          { ...toWireOtu(outcome.otu, null), most_recent_change: change },
          path`/api/otus/${outcome.otu._id}`,
        );
      },
    }),
    route({
      method: 'PATCH',
      path: '/api/otus/:otu_id',
      access: 'user',
      right: onOtuToEdit(store),
      tag: 'OTUs',
      summary: 'Edit an OTU',
      description: `Changes name, abbreviation or schema; what is left out stays, and values that do not differ change nothing. Sequences of a segment that leaves the schema lose it; a segment that is renamed at its place keeps its sequences. ${NEEDS_RIGHT}`,
      body: EditOtu,
      answers: { 200: 'The OTU', 400: TAKEN, 404: 'No such OTU', 422: 'The body is not valid', ...EDIT_ANSWERS },
      async handle({ subject, caller, body }) {
        const fields: OtuFields = given(body);
        const otu = await changeOtu(store, subject, caller, () => editOtu(fields));
        return otu instanceof Refusal ? otu : json(toWireOtu(otu, await store.history.newestUnbuilt(otu._id)));
      },
    }),
    route({
      method: 'DELETE',
      path: '/api/otus/:otu_id',
      access: 'user',
      right: onOtuToEdit(store),
      tag: 'OTUs',
      summary: 'Remove an OTU',
      description: `Removes an OTU with its isolates and sequences. Its history stays, and as long as the removal is not built it can be reverted. ${NEEDS_RIGHT}`,
      answers: { 204: 'Removed', 400: 'The reference is remote', 404: 'No such OTU', ...EDIT_ANSWERS },
      async handle({ subject: { otu, reference }, caller }) {
        const refusal = await refuseEdits(store, reference);
        if (refusal) return refusal;
        const outcome = await store.otuEdits.remove(otu._id, caller.userId);
        return outcome.ok ? noContent() : refusalOfEdit(outcome.reason);
      },
    }),
  ];
}
