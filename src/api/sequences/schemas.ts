import * as v from 'valibot';
import { findStrangeBases } from '../../store/otus/bases.js';
import { optional, text, trimmed, trimmedFilled, withDefault } from '../http/fields.js';

const bases = () =>
  v.config(
    v.pipe(
      text(),
      v.check((sequence) => sequence.trim() !== '', 'empty values not allowed'),
      v.check(
        (sequence) => findStrangeBases(sequence) === undefined,
        ({ input }) => findStrangeBases(input) ?? '',
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
