import * as v from 'valibot';
import { cleanBases, strangeBases } from '../../store/otus/bases.js';
import { optional, text, trimmed, trimmedFilled, withDefault } from '../http/fields.js';

const bases = () =>
  v.config(
    v.pipe(
      text(),
      v.transform(cleanBases),
      v.minLength(1, 'empty values not allowed'),
      v.check(
        (sequence) => strangeBases(sequence).length === 0,
        ({ input }) => `holds characters that are not IUPAC nucleotide codes: ${strangeBases(input).join(' ')}`,
      ),
    ),
    { abortPipeEarly: true },
  );

/** Body of a new sequence. */
export const AddSequence = v.object({
  accession: trimmedFilled(),
  definition: trimmedFilled(),
  sequence: bases(),
  host: withDefault(trimmed(), ''),
  segment: withDefault(v.nullable(text()), null),
});

/** Body of a change of a sequence. */
export const EditSequence = v.object({
  accession: optional(trimmedFilled()),
  definition: optional(trimmedFilled()),
  sequence: optional(bases()),
  host: optional(trimmed()),
  segment: optional(v.nullable(text())),
});
