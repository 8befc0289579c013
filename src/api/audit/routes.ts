import * as v from 'valibot';
import { AUDIT_ACTIONS } from '../../store/audit.js';
import { mapPage } from '../../store/database/pages.js';
import type { ApiDeps } from '../deps.js';
import { oneOf, optional, text } from '../http/fields.js';
import { withId } from '../http/json.js';
import { firstOf, pageRequest } from '../http/paging.js';
import { common } from '../http/right.js';
import { json, type Route, route } from '../http/route.js';
import { checkQuery } from '../http/validation.js';

const date = () =>
  v.pipe(
    text(),
    v.check((given) => !Number.isNaN(Date.parse(given)), 'must be a date, as 2026-01-31 or 2026-01-31T12:00:00Z'),
    v.transform((given) => new Date(given)),
  );

const AuditQuery = v.object({
  user: optional(text()),
  action: optional(oneOf(AUDIT_ACTIONS)),
  outcome: optional(oneOf(['asked', 'done', 'refused', 'failed'])),
  from: optional(date()),
  to: optional(date()),
});

/** The audit log: who has changed what of accounts, rights and settings, and what was removed. */
export function createAuditRoutes({ store }: ApiDeps): Route[] {
  const shared = {
    method: 'GET',
    access: 'administrator',
    right: common('the audit log is for administrators'),
    tag: 'Audit',
  } as const;
  return [
    route({
      ...shared,
      path: '/api/audit',
      summary: 'List audited events',
      description:
        'Sign-ins and failed ones, changes of keys, users, groups, rights, members and settings, and removals, newest first: who, what, when, ' +
        'from which address. A change has an entry `asked` before it is made, and one with what came of it, which names the first in `asked`.',
      query: {
        user: 'Id of the user who did it',
        action: `One of ${AUDIT_ACTIONS.map((action) => `\`${action}\``).join(', ')}`,
        outcome: '`asked`, `done`, `refused` or `failed`',
        from: 'Date or time (ISO 8601): at or after it',
        to: 'Date or time (ISO 8601): before it',
        page: 'Page, from 1',
        per_page: 'Entries per page, 1 to 500',
      },
      answers: { 200: 'One page of entries', 422: 'A filter is none' },
      async handle({ query }) {
        const names = Object.keys(AuditQuery.entries);
        const given = names.map((name) => [name, firstOf(query, name) || undefined]);
        const wanted = checkQuery(AuditQuery, Object.fromEntries(given));
        return json(mapPage(await store.audit.list(wanted, pageRequest(query)), withId));
      },
    }),
    route({
      ...shared,
      path: '/api/audit/verification',
      summary: 'Verify the audit log',
      description:
        'Reads the whole log: each entry holds a hash of itself and of the one before, so a changed, removed or inserted entry shows. Note ' +
        '`count` and `hash` somewhere else; `virtool audit verify --known COUNT:HASH` then finds also whether the end was cut off.',
      answers: {
        200: '`ok` with `count` and `hash` of the last entry, or `broken`, the number of the first wrong one, with the `reason`',
      },
      handle: async () => json(await store.audit.verify()),
    }),
  ];
}
