import * as v from 'valibot';
import { trimmedFilled } from './fields.js';

const MAXIMUM_LENGTH = 100;
// No slash, colon, quote or control character: the name becomes part of paths, headers and Basic credentials.
const NAME = /^[\p{L}\p{N}_][\p{L}\p{M}\p{N} ._@+-]*$/u;
const LABEL = /^[^\p{Cc}\p{Zl}\p{Zp}/\\]+$/u;

const limited = (pattern: RegExp, message: string) =>
  v.config(
    v.pipe(trimmedFilled(), v.maxLength(MAXIMUM_LENGTH, `max length is ${MAXIMUM_LENGTH}`), v.regex(pattern, message)),
    { abortPipeEarly: true },
  );

/** Name of a new user or group, which is also its id. */
export const name = () =>
  limited(NAME, 'must begin with a letter or digit and hold only letters, digits, blanks and the characters ._@+-');

/** Name of a thing whose id is made of it. */
export const label = () => limited(LABEL, 'must not hold slashes or line breaks');
