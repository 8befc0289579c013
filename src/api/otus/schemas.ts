import * as v from 'valibot';
import { normalizeName } from '../../store/otus/otu_names.js';
import { document, filled, flag, listOf, oneOf, optional, text, withDefault } from '../http/fields.js';

/** What a segment consists of; empty for not known. */
const MOLECULES = ['', 'ssDNA', 'dsDNA', 'ssRNA', 'ssRNA+', 'ssRNA-', 'dsRNA'] as const;

const Segment = document({
  name: filled(),
  required: withDefault(flag(), true),
  molecule: withDefault(oneOf(MOLECULES), ''),
});

const segments = () =>
  v.pipe(
    listOf(Segment),
    // Also when other things are wrong, so that all is reported at once.
    v.rawCheck(({ dataset, addIssue }) => {
      const names = namesIn(dataset.value);
      if (new Set(names).size < names.length) addIssue({ message: 'list contains duplicate names' });
    }),
  );

function namesIn(list: unknown): unknown[] {
  if (!Array.isArray(list)) return [];
  return list.map((item) => (item as { name?: unknown } | null)?.name).filter((name) => typeof name === 'string');
}

const name = () => v.pipe(text(), v.transform(normalizeName));
const filledName = () => v.pipe(name(), v.minLength(1, 'empty values not allowed'));

/** Body of a new OTU. */
export const CreateOtu = v.object({
  name: filledName(),
  abbreviation: withDefault(name(), ''),
  schema: withDefault(segments(), []),
});

/** Body of a change of an OTU's own fields. */
export const EditOtu = v.object({
  name: optional(filledName()),
  abbreviation: optional(name()),
  schema: optional(segments()),
});
