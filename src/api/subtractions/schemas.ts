import * as v from 'valibot';
import { text, trimmed, trimmedFilled, withDefault } from '../http/fields.js';

/** Body of POST /api/subtractions. */
export const CreateSubtraction = v.object({
  subtraction_id: trimmedFilled(),
  nickname: withDefault(trimmed(), ''),
  file_id: text(),
});

/** Body of PATCH /api/subtractions/:subtraction_id. */
export const EditSubtraction = v.object({ nickname: trimmed() });
