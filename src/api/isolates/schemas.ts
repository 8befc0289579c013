import * as v from 'valibot';
import { flag, optional, trimmed, withDefault } from '../http/fields.js';

/** Body of a new isolate. */
export const AddIsolate = v.object({
  source_type: withDefault(trimmed(), ''),
  source_name: withDefault(trimmed(), ''),
  default: withDefault(flag(), false),
});

/** Body of a change of an isolate. */
export const EditIsolate = v.object({ source_type: optional(trimmed()), source_name: optional(trimmed()) });
