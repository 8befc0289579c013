import * as v from 'valibot';
import type { AlgorithmTag } from '../../store/samples/samples.js';
import { flag, listOf, oneOf, optional, text, trimmed, trimmedFilled, withDefault } from '../http/fields.js';
import { firstOf, type RawQuery } from '../http/paging.js';
import { checkQuery } from '../http/validation.js';

const UNKNOWN_OFFSET = 'must be 33 or 64';
const phredOffset = () => v.union([v.literal(33), v.literal(64)], UNKNOWN_OFFSET);

/** Body of POST /api/samples. */
export const CreateSample = v.object({
  name: trimmedFilled(),
  host: optional(trimmed()),
  isolate: optional(trimmed()),
  locale: optional(trimmed()),
  group: optional(text()),
  // Old clients send texts: `1` and `true` in any case mean true, all else means false.
  srna: v.nullish(
    v.pipe(
      v.unknown(),
      v.transform((value) => /^(1|true)$/i.test(String(value))),
    ),
    false,
  ),
  subtraction: text(),
  phred_offset: v.nullish(phredOffset(), null),
  pairing: withDefault(oneOf(['by_name', 'by_order']), 'by_name'),
  files: v.pipe(listOf(text()), v.minLength(1, 'min length is 1'), v.maxLength(2, 'max length is 2')),
});

/** Body of PATCH /api/samples/:sample_id. */
export const EditSample = v.object({
  name: optional(trimmedFilled()),
  host: optional(trimmed()),
  isolate: optional(trimmed()),
  locale: optional(trimmed()),
  phred_offset: optional(v.nullable(phredOffset())),
});

/** Body of PUT /api/samples/:sample_id/update_job; old clients send none. */
export const ReplaceReads = v.object({
  phred_offset: v.nullish(phredOffset(), null),
  pairing: withDefault(oneOf(['by_name', 'by_order']), 'by_name'),
});

/** Body of PATCH /api/samples/:sample_id/rights. */
export const EditSampleRights = v.object({
  group: optional(text()),
  all_read: optional(flag()),
  all_write: optional(flag()),
  group_read: optional(flag()),
  group_write: optional(flag()),
});

const wholeNumber = (maximum: number) =>
  v.pipe(
    v.string(),
    v.regex(/^\s*[+-]?\d{1,9}\s*$/, 'must be of integer type'),
    v.transform(Number),
    v.minValue(1, 'min value is 1'),
    v.maxValue(maximum, `max value is ${maximum}`),
  );

const ListQuery = v.object({
  find: v.optional(v.pipe(v.string(), v.trim())),
  page: v.optional(wholeNumber(1e9), '1'),
  per_page: v.optional(wholeNumber(100), '25'),
});

/**
 * What GET /api/samples is asked for.
 *
 * @throws Refusal 422 when page or per_page is no whole number in its range.
 */
export function readListQuery(query: RawQuery) {
  const first = Object.fromEntries(Object.keys(ListQuery.entries).map((key) => [key, firstOf(query, key)]));
  const { find, page, per_page: perPage } = checkQuery(ListQuery, first);
  const search = { find: find || undefined, pathoscope: tagsOf(query.pathoscope), nuvs: tagsOf(query.nuvs) };
  return { search, request: { page, perPage } };
}

const TAGS = new Map<string, AlgorithmTag>([
  ['true', true],
  ['false', false],
  ['ip', 'ip'],
]);

/** The known values of a tag filter; none when all of them are asked for, as that is no filter. */
function tagsOf(values: string | string[] | undefined): AlgorithmTag[] {
  const known = [...TAGS].filter(([name]) => [values].flat().includes(name)).map(([, tag]) => tag);
  return known.length === TAGS.size ? [] : known;
}
