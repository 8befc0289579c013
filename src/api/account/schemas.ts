import * as v from 'valibot';
import { filled, flag, oneOf, optional, somePermissions, text, trimmed, withDefault } from '../http/fields.js';
import { label } from '../http/names.js';

const EMAIL = /^[a-zA-Z0-9_.+-]+@[a-zA-Z0-9-]+\.[a-zA-Z0-9-.]+$/;

/** Body of a login. */
export const LoginBody = v.object({ username: filled(), password: filled(), remember: withDefault(flag(), false) });

/** Body of the second half of a forced password reset. */
export const ResetBody = v.object({ password: text(), reset_code: text() });

/** Changes of one's own account. */
export const AccountBody = v.pipe(
  v.object({
    email: optional(v.pipe(trimmed(), v.regex(EMAIL, `value does not match regex '${EMAIL.source}'`))),
    old_password: optional(text()),
    password: optional(text()),
  }),
  v.forward(
    v.check(
      ({ password, old_password }) => password === undefined || old_password !== undefined,
      "field 'old_password' is required",
    ),
    ['password'],
  ),
);

/** Changes of one's own settings. */
export const AccountSettingsBody = v.object({
  show_ids: optional(flag()),
  skip_quick_analyze_dialog: optional(flag()),
  quick_analyze_algorithm: optional(oneOf(['nuvs', 'pathoscope_bowtie'])),
});

/** A new API key. */
export const NewKeyBody = v.object({ name: label(), permissions: withDefault(somePermissions(), {}) });

/** Changes of an API key. */
export const KeyBody = v.object({ permissions: somePermissions() });
