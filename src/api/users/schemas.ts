import * as v from 'valibot';
import { filled, flag, listOf, optional, text, withDefault } from '../http/fields.js';
import { name } from '../http/names.js';

/** The first user. */
export const FirstUserBody = v.object({ user_id: name(), password: filled() });

/** A new user. */
export const NewUserBody = v.object({ user_id: name(), password: filled(), force_reset: withDefault(flag(), true) });

/** Changes of a user. */
export const UserBody = v.object({
  administrator: optional(flag()),
  force_reset: optional(flag()),
  groups: optional(listOf(text())),
  password: optional(text()),
  primary_group: optional(text()),
});
