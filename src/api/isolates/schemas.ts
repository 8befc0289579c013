import * as v from 'valibot';
import { normalizeName } from '../../store/otus/otu_names.js';
import { flag, optional, text, trimmed, withDefault } from '../http/fields.js';

const sourceName = () => v.pipe(text(), v.transform(normalizeName));

/** Body of a new isolate. */
export const AddIsolate = v.object({
  source_type: withDefault(trimmed(), ''),
  source_name: withDefault(sourceName(), ''),
  default: withDefault(flag(), false),
});

/** Body of a change of an isolate. */
export const EditIsolate = v.object({ source_type: optional(trimmed()), source_name: optional(sourceName()) });
