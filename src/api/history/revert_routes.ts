import type { RevertRefusal } from '../../store/history/history_reverts.js';
import type { ApiDeps } from '../deps.js';
import { conflict, notFound, type Refusal } from '../http/refusals.js';
import { noContent, type Route, route } from '../http/route.js';
import { contended, NAME_CLASHES, NEEDS_RIGHT, refuseEdits } from '../otus/editable.js';
import { onChangeToRevert } from '../rights/references.js';

/** Reverts of changes. */
export function createRevertRoutes({ store }: ApiDeps): Route[] {
  return [
    route({
      method: 'DELETE',
      path: '/api/history/:change_id',
      access: 'user',
      right: onChangeToRevert(store),
      tag: 'History',
      summary: 'Revert a change',
      description:
        'Takes back this change and all later ones of its OTU, which must not be in an index yet; they leave the history. ' +
        `Reverting the creation removes the OTU, reverting a removal brings it back. ${NEEDS_RIGHT}`,
      answers: {
        204: 'Reverted',
        400: 'The reference is remote',
        403: 'The right is missing',
        404: 'No such change',
        409: 'The change is built, another OTU has the former name or abbreviation by now, or others are editing the OTU',
      },
      async handle({ subject: { change, reference } }) {
        const refusal = await refuseEdits(store, reference);
        if (refusal) return refusal;
        const outcome = await store.historyReverts.revert(change);
        return outcome.ok ? noContent() : refusalOf(outcome.reason);
      },
    }),
  ];
}

function refusalOf(reason: RevertRefusal): Refusal {
  if (reason === 'unknown') return notFound();
  if (reason === 'built') return conflict('Change is already built');
  return reason === 'contended' ? contended() : conflict(NAME_CLASHES[reason]);
}
